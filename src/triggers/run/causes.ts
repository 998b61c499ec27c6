import { and, desc, eq, exists, gte, inArray, lt, lte, or, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import {
  triggerDeliveries as deliveries,
  imageChildren,
  imageConfigs,
  images,
  tagEvents,
  triggers,
} from '../../db/tables/index.ts'
import { parseImageConfig } from '../../oci/image-config.ts'
import { readManifest } from '../../oci/manifest.ts'
import type { TriggerDelivery } from '../state/delivery-rows.ts'
import { DELIVERY_COLUMNS } from '../state/delivery-statements.ts'
import type { Move } from '../state/target-state.ts'

/** Annotation or label by which a build names the delivery that caused it: its `webhook-id`. */
export const CAUSE_KEY = 'io.imagestreams.cause'

/** Deliveries of one chain: each caused the move that caused the next. */
const MAX_CHAIN = 8
/** Milliseconds in which a tag is expected to get the image that was rebuilt on another base. */
const REBUILD = 24 * 60 * 60 * 1000

/** The causes of moves. */
export type Causes = ReturnType<typeof createCauses>

/** Creates the search for what caused moves: the deliveries of other triggers. */
export function createCauses({ orm }: Pick<Database, 'orm'>) {
  const reads = prepareReads(orm)

  /** Returns the `webhook-id` in the annotations of an image or index, or in the labels of one of its images. */
  const statedBy = (imageId: number): string | undefined => {
    const found = reads.naming.get({ imageId })
    if (!found) return undefined
    const { annotations } = readManifest(found.manifest, found.mediaType)
    return annotations[CAUSE_KEY] ?? parseImageConfig(found.config?.toString() ?? '').labels[CAUSE_KEY]
  }

  /** Returns the delivery that asked for a rebuild on another base, if the move is the first of the tag since. */
  const rebuildFor = (eventId: number): TriggerDelivery | undefined => {
    const event = reads.event.get({ eventId })
    if (!event) return undefined
    const { tagId, createdAt } = event
    const since = Math.max(createdAt - REBUILD, reads.eventBefore.get({ tagId, eventId })?.createdAt ?? 0)
    return reads.rebuild.get({ tagId, since, until: createdAt })
  }

  /** Returns the deliveries that led to this one and the delivery itself, the earliest first. */
  const chainTo = (delivery: TriggerDelivery): TriggerDelivery[] => {
    const chain = [delivery]
    for (let first: TriggerDelivery | undefined = delivery; first && chain.length < MAX_CHAIN; ) {
      first = first.causedBy === null ? undefined : reads.byId.get({ id: first.causedBy })
      if (first) chain.unshift(first)
    }
    return chain
  }

  const namespaceOf = (id: number): string | undefined => reads.namespaceOf.get({ id })?.namespace

  return {
    /** Returns the delivery that caused a move; undefined where nothing is known. */
    of({ eventId, imageId }: Move): TriggerDelivery | undefined {
      const stated = statedBy(imageId)
      if (stated === undefined) return rebuildFor(eventId)
      return reads.byWebhookId.get({ webhookId: stated })
    },

    /** Returns the deliveries that led to this one, the earliest first, at most seven. */
    before: (delivery: TriggerDelivery): TriggerDelivery[] => chainTo(delivery).slice(0, -1),

    /**
     * Returns why a delivery with this cause would go round in a circle, or continue a chain that is too long: the path.
     * Undefined for one that may be made.
     */
    circle({ triggerId, tagId }: Pick<TriggerDelivery, 'triggerId' | 'tagId'>, cause: TriggerDelivery) {
      const chain = chainTo(cause)
      const own = namespaceOf(triggerId)
      const path = chain
        .map((one) =>
          namespaceOf(one.triggerId) === own ? `${one.imageStreamName}:${one.tag}` : 'another namespace',
        )
        .join(' → ')
      const isRepeated = chain.some((one) => one.triggerId === triggerId && one.tagId === tagId)
      if (isRepeated) return `the trigger caused this move itself: ${path} → it would act again`
      if (chain.length < MAX_CHAIN) return undefined
      return `${MAX_CHAIN} deliveries, the most that may follow from each other, led to this move: ${path}`
    },
  }
}

/** Prepares what each delivery reads: building the SQL would take longer than running it. */
function prepareReads(orm: Database['orm']) {
  const newest = (where: SQL | undefined) =>
    orm.select(DELIVERY_COLUMNS).from(deliveries).where(where).orderBy(desc(deliveries.id)).limit(1).prepare()
  const given = (name: string): SQL => sql`${sql.placeholder(name)}`
  const imageId = given('imageId')
  const children = orm
    .select({ id: imageChildren.imageId })
    .from(imageChildren)
    .where(eq(imageChildren.indexId, imageId))
  const isOfBases = exists(
    orm
      .select({ id: triggers.id })
      .from(triggers)
      .where(and(eq(triggers.id, deliveries.triggerId), eq(triggers.source, 'BASE_IMAGE'))),
  )

  return {
    namespaceOf: orm
      .select({ namespace: triggers.namespace })
      .from(triggers)
      .where(eq(triggers.id, given('id')))
      .prepare(),
    byId: newest(eq(deliveries.id, given('id'))),
    byWebhookId: newest(eq(deliveries.webhookId, given('webhookId'))),

    /** An image or index, or an image of it, that has the key in its manifest or config. */
    naming: orm
      .select({ manifest: images.manifest, mediaType: images.mediaType, config: imageConfigs.bytes })
      .from(images)
      .leftJoin(imageConfigs, eq(imageConfigs.digest, images.configDigest))
      .where(
        and(
          or(eq(images.id, imageId), inArray(images.id, children)),
          // before anything is parsed: few images name a cause
          sql`(instr(${images.manifest}, ${CAUSE_KEY}) > 0 or instr(${imageConfigs.bytes}, ${CAUSE_KEY}) > 0)`,
        ),
      )
      .limit(1)
      .prepare(),

    event: orm
      .select({ tagId: tagEvents.tagId, createdAt: tagEvents.createdAt })
      .from(tagEvents)
      .where(eq(tagEvents.id, given('eventId')))
      .prepare(),
    eventBefore: orm
      .select({ createdAt: tagEvents.createdAt })
      .from(tagEvents)
      .where(and(eq(tagEvents.tagId, given('tagId')), lt(tagEvents.id, given('eventId'))))
      .orderBy(desc(tagEvents.id))
      .limit(1)
      .prepare(),

    /** The newest accepted request for a rebuild of a tag, in a time. */
    rebuild: newest(
      and(
        eq(deliveries.tagId, given('tagId')),
        eq(deliveries.state, 'DELIVERED'),
        gte(deliveries.endedAt, given('since')),
        lte(deliveries.endedAt, given('until')),
        isOfBases,
      ),
    ),
  }
}
