/** Something that holds, or does not, of a cluster, with the cause and what to do. */
export interface Condition<Type extends string = string> {
  readonly type: Type
  readonly status: 'MET' | 'NOT_MET'
  /** For people: the cause, without secrets. */
  readonly message: string
  /** What a person can do; null if nothing is to be done. */
  readonly remedy: string | null
  /** When the status last changed, in milliseconds since 1970. */
  readonly since: number
}

/** Characters of a message: servers choose parts of it. */
const MAX_TEXT = 1_000

/** Returns the conditions with a new state of one of them. `since` stays while its status does. */
export function withCondition<Type extends string>(
  conditions: readonly Condition<Type>[],
  { since: now, ...state }: Condition<Type>,
): Condition<Type>[] {
  const before = conditions.find(({ type }) => type === state.type)
  const since = before?.status === state.status ? before.since : now
  const message = state.message.slice(0, MAX_TEXT)
  const others = conditions.filter(({ type }) => type !== state.type)
  return [...others, { ...state, message, since }].sort((one, other) => (one.type < other.type ? -1 : 1))
}
