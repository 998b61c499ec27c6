import type { ActionKind, CheckedAction } from './action-kind.ts'
import { HTTP, type HttpInput, type HttpSettings } from './kinds/http.ts'

/** What each kind of action takes, and what is stored of it. */
interface Kinds {
  readonly HTTP: { readonly input: HttpInput; readonly settings: HttpSettings }
}

export type KindName = keyof Kinds

/** The kinds of actions. A new one is a file of `kinds/`, a line above and a line here. */
const KINDS: { readonly [K in KindName]: ActionKind<Kinds[K]['input'], Kinds[K]['settings']> } = { HTTP }

export const KIND_NAMES = Object.keys(KINDS) as readonly KindName[]

/** An action as given, and as stored: without its secrets. */
export type ActionInput<K extends KindName = KindName> = {
  [P in K]: { kind: P; input: Kinds[P]['input'] }
}[K]
export type Action<K extends KindName = KindName> = {
  readonly [P in K]: { readonly kind: P; readonly settings: Kinds[P]['settings'] }
}[K]

/** Returns the kind of an action. */
export const kindOf = <K extends KindName>({
  kind,
}: {
  readonly kind: K
}): ActionKind<Kinds[K]['input'], Kinds[K]['settings']> => KINDS[kind]

/** Checks an action. `field` is the path of the input. Throws InvalidInputError. */
export function checkAction<K extends KindName>(
  { kind, input }: ActionInput<K>,
  field: string,
): CheckedAction<Action<K>> {
  const { settings, ...checked } = KINDS[kind].check(input, field)
  return { ...checked, settings: { kind, settings } }
}
