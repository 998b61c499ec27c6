import { asc, eq, type SQL } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import { isOneOf } from '../../db/one-of.ts'
import type { Database } from '../../db/open.ts'
import { countByOwner, pageOfOwners } from '../../db/owned-page.ts'
import {
  triggerAttempts as attempts,
  triggerDeliveries as deliveries,
  triggerTargets as targets,
} from '../../db/tables/index.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { DeliveryAttempt, TriggerDelivery } from './delivery-rows.ts'
import { ATTEMPT_COLUMNS, DELIVERY_COLUMNS } from './delivery-statements.ts'
import { createDeliveryTexts } from './delivery-texts.ts'
import { type StateName, type StoredTarget, targetOf } from './target.ts'

/** Creates the lists of targets and deliveries. Each takes the ids of many owners; the keys of all pages are [id]. */
export function createTriggerReads(db: Pick<Database, 'orm' | 'prepare'>) {
  const { orm } = db
  const pageOfTargets = (
    owner: SQLiteColumn,
    ids: readonly number[],
    page: KeysetPage,
    where?: SQL,
  ): StoredTarget[] => {
    const owned = pageOfOwners(owner, targets.id, { ids, page, where })
    const rows = orm.select().from(targets).where(owned.isOfEach)
    return owned.inOrder(rows.orderBy(...owned.orderBy).all()).map(targetOf)
  }
  const pageOfDeliveries = (
    owner: SQLiteColumn,
    ids: readonly number[],
    page: KeysetPage,
  ): TriggerDelivery[] => {
    const owned = pageOfOwners(owner, deliveries.id, { ids, page, descending: true })
    const rows = orm.select(DELIVERY_COLUMNS).from(deliveries).where(owned.isOfEach)
    return owned.inOrder(rows.orderBy(...owned.orderBy).all())
  }
  const isIn = (state: StateName | null): SQL | undefined =>
    state === null ? undefined : eq(targets.state, state)

  return {
    /** Returns a page of the targets of each trigger, those in the state if one is given. */
    targetsOfTriggers: (ids: readonly number[], page: KeysetPage, state: StateName | null): StoredTarget[] =>
      pageOfTargets(targets.triggerId, ids, page, isIn(state)),
    countOfTriggers: (ids: readonly number[], state: StateName | null): Map<number, number> =>
      countByOwner(orm, targets.triggerId, ids, isIn(state)),

    /** Returns a page of the targets of each tag. */
    targetsOfTags: (ids: readonly number[], page: KeysetPage): StoredTarget[] =>
      pageOfTargets(targets.tagId, ids, page),
    countOfTags: (ids: readonly number[]): Map<number, number> => countByOwner(orm, targets.tagId, ids),

    /** Returns a page of the deliveries of each trigger, newest first. */
    deliveriesOfTriggers: (ids: readonly number[], page: KeysetPage): TriggerDelivery[] =>
      pageOfDeliveries(deliveries.triggerId, ids, page),
    countDeliveries: (ids: readonly number[]): Map<number, number> =>
      countByOwner(orm, deliveries.triggerId, ids),

    /** Returns the attempts of deliveries, at most 20 of each, oldest first. */
    attemptsOf: (deliveryIds: readonly number[]): DeliveryAttempt[] =>
      orm
        .select(ATTEMPT_COLUMNS)
        .from(attempts)
        .where(isOneOf(attempts.deliveryId, deliveryIds))
        .orderBy(asc(attempts.id))
        .all(),

    ...createDeliveryTexts(db),
  }
}
