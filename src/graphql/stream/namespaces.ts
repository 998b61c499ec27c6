import type { Right } from '../../access/right/role.ts'
import { turnToRead } from '../../concurrency/yielding.ts'
import { literalRange, matchesGlob } from '../../input/glob.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { GraphQLContext } from '../kit/context.ts'

/** A namespace that holds something. */
export interface Namespace {
  readonly name: string
}

type Holders = Pick<GraphQLContext, 'work' | 'viewer' | 'streams' | 'registry' | 'credentials' | 'receivers'>

/** Steps between two yields to other work: about a millisecond. */
const STEPS_A_TURN = 100

/** Returns steps that together lead through all namespaces of which the viewer may see something. */
function stepsOf({ viewer, streams, registry, credentials, receivers }: Holders) {
  const visible = streams.visibleNamespaces(viewer)
  return visible
    ? [visible]
    : [streams.namespaces, registry.usage.namespaces, credentials.namespaces, receivers.store.namespaces]
}

/** Reports whether the namespace holds an image stream, a repository, a credential or a receiver that the viewer sees. */
export function namespaceExists(
  name: string,
  { viewer, streams, registry, credentials, receivers }: Holders,
): boolean {
  const sees = (right: Right): boolean => viewer.rights.mayInNamespace(right, name)
  return (
    streams.isNamespaceOf(viewer, name) ||
    (sees('view') && registry.usage.namespaces.has(name)) ||
    (sees('credentials') && credentials.namespaces.has(name)) ||
    (sees('configure') && receivers.store.namespaces.has(name))
  )
}

/**
 * Yields the namespaces that match a pattern and are between two keys, in order, or from the end. Other work runs between
 * steps.
 */
async function* namespacesOf(
  matching: string | undefined,
  { after, before, fromEnd }: Pick<KeysetPage, 'after' | 'before' | 'fromEnd'>,
  holders: Holders,
): AsyncGenerator<Namespace> {
  const all = stepsOf(holders)
  const isHeld = (name: string): boolean =>
    holders.viewer.rights.isServerAdmin || namespaceExists(name, holders)
  const [from, to] = (matching === undefined ? undefined : literalRange(matching)) ?? []
  const [above, below] = [after?.[0]?.toString(), before?.[0]?.toString()]
  const ofAll = (step: (steps: (typeof all)[number]) => string | undefined): string[] =>
    all.flatMap((steps) => step(steps) ?? []).sort()
  const first = (): string | undefined => {
    if (fromEnd) return ofAll((steps) => steps.previous(lowerOf(below, to))).at(-1)
    if (from !== undefined && (above === undefined || from > above))
      return all.some((steps) => steps.has(from)) ? from : ofAll((steps) => steps.next(from))[0]
    return ofAll((steps) => steps.next(above ?? ''))[0]
  }
  let steps = 0
  for (let name = first(); name !== undefined; ) {
    if (steps++ % STEPS_A_TURN === 0) await turnToRead(holders.work.signal)
    if (fromEnd ? name <= (above ?? '') || name < (from ?? '') : name >= (lowerOf(below, to) ?? END)) return
    if ((matching === undefined || matchesGlob(matching, name)) && isHeld(name)) yield { name }
    const last = name
    name = fromEnd ? ofAll((each) => each.previous(last)).at(-1) : ofAll((each) => each.next(last))[0]
  }
}

/** Text that is higher than every namespace. */
const END = '\x7f'

const lowerOf = (one: string | undefined, other: string | undefined): string | undefined =>
  one === undefined || (other !== undefined && other < one) ? other : one

/** Returns a page of the namespaces that match the pattern, by name. */
export async function namespacePage(
  matching: string | undefined,
  page: KeysetPage,
  holders: Holders,
): Promise<Namespace[]> {
  const wanted = page.peek === false ? page.limit : page.limit + 1
  const found: Namespace[] = []
  for await (const namespace of namespacesOf(matching, page, holders)) {
    found.push(namespace)
    if (found.length >= wanted) break
  }
  return page.fromEnd ? found.reverse() : found
}

/** Returns the number of namespaces that match the pattern. */
export async function countNamespaces(matching: string | undefined, holders: Holders): Promise<number> {
  let total = 0
  for await (const _ of namespacesOf(matching, {}, holders)) total++
  return total
}
