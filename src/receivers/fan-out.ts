import { asc, eq, isNull } from 'drizzle-orm'
import { inBatches } from '../concurrency/yielding.ts'
import type { Database } from '../db/open.ts'
import { receiverHints, receivers, receiverTargets } from '../db/tables/receiver.ts'
import type { createHintTargets, NamespaceSources } from './hint-targets.ts'

/** Hints that one transaction reads. */
const HINTS_AT_ONCE = 200
/** Targets after which a transaction processes no further hint: a thousand streams may follow one repository. */
export const FAN_OUT_AT_ONCE = 2000
/** Milliseconds after which a transaction reads no further repository: each read scans the sources of its namespace. */
export const FAN_OUT_TIME = 20

/**
 * Returns a function that stores the targets of the oldest open hints, as many as one short transaction allows. It runs
 * inside a transaction, and reports whether there were open hints.
 */
export function createFanOut(
  { orm }: Database,
  now: () => number,
  targets: ReturnType<typeof createHintTargets>,
) {
  const { id, receiverId, registry, repository, tag, digest, action } = receiverHints
  const openHints = orm
    .select({ id, receiverId, namespace: receivers.namespace, registry, repository, tag, digest, action })
    .from(receiverHints)
    .innerJoin(receivers, eq(receivers.id, receiverHints.receiverId))
    .where(isNull(receiverHints.handledAt))
    .orderBy(asc(id))
    .limit(HINTS_AT_ONCE)
    .prepare()

  const store = (sources: NamespaceSources, hint: ReturnType<typeof openHints.all>[number]): number => {
    const rows = sources
      .targetsOf(hint)
      .map((target) => ({ ...target, hintId: hint.id, receiverId: hint.receiverId, state: 'OPEN' }) as const)
    for (const [...batch] of inBatches(rows)) orm.insert(receiverTargets).values(batch).run()
    orm.update(receiverHints).set({ handledAt: now() }).where(eq(id, hint.id)).run()
    return rows.length
  }

  return (): boolean => {
    const hints = openHints.all()
    const ofNamespaces = new Map<string, NamespaceSources>()
    const until = now() + FAN_OUT_TIME
    let stored = 0
    let isFirst = true
    for (const hint of hints) {
      if (stored >= FAN_OUT_AT_ONCE) break
      const sources = ofNamespaces.get(hint.namespace) ?? targets.of(hint.namespace)
      // left to the next transaction; hints of one repository stay in their order
      if (!isFirst && now() >= until && !sources.hasRead(hint)) continue
      isFirst = false
      ofNamespaces.set(hint.namespace, sources)
      stored += store(sources, hint)
    }
    return hints.length > 0
  }
}
