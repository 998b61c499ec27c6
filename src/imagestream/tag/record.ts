import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { PushLog } from '../../events/push-log.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import { type ChangedTags, createPolicyRules, type MovedTag } from './policy-rules.ts'
import { type Recorded, type TagAddress, type TagChange, type TagRecorder, takenOver } from './tag-change.ts'
import { sortKeysOf } from './tag-order.ts'

export type { ImportFailure, Recorded, TagChange, TagRecorder } from './tag-change.ts'

export interface TagRecorderDependencies {
  readonly db: Database
  readonly pushes: PushLog
  /** Milliseconds since 1970. */
  readonly now: () => number
}

interface TagNow {
  id: number
  upstreamDigest: Digest | null
  eventId: number | null
  imageId: number | null
  dockerImageReference: string | null
  generation: number | null
  /** 1 when there is a condition to clear. */
  failing: 0 | 1
}

interface Recording extends Recorded {
  /** Null where the tag has the same image from the same place. */
  readonly moved: MovedTag | null
}

/** Of the image whose id is given: a tag keeps them beside it, to be found by. */
const PLATFORMS = '(select platforms from images where id = ?)'

export function createTagRecorder({ db, pushes, now }: TagRecorderDependencies): TagRecorder {
  const rules = createPolicyRules(db)
  const find = db.prepare<TagNow>(`
    select t.id, t.upstream_digest as upstreamDigest, e.id as eventId, e.image_id as imageId,
      e.docker_image_reference as dockerImageReference, e.generation, t.failing is not null as failing
    from tags t left join tag_events e on e.id = t.newest_event_id
    where t.stream_id = ? and t.name = ?`)
  const insertTag = db.prepare(
    `insert into tags (stream_id, name, importance, version, newest_at, newest_image_id, upstream_digest, platforms)
     values (?, ?, ?, ?, ?, ?, ?, ${PLATFORMS})`,
  )
  const insertEvent = db.prepare(
    `insert into tag_events (tag_id, image_id, docker_image_reference, generation, created_at, import_id)
     values (?, ?, ?, ?, ?, ?)`,
  )
  const rewriteEvent = db.prepare(
    'update tag_events set image_id = ?, docker_image_reference = ?, generation = max(generation, ?) where id = ?',
  )
  const setNewestEvent = db.prepare('update tags set newest_event_id = ? where id = ?')
  const setNewest = db.prepare(
    `update tags set newest_event_id = ?, newest_at = ?, newest_image_id = ?, upstream_digest = ?,
       platforms = ${PLATFORMS} where id = ?`,
  )
  const setNewestImage = db.prepare(
    `update tags set newest_image_id = ?, upstream_digest = ?, platforms = ${PLATFORMS} where id = ?`,
  )
  const clearConditions = db.prepare('delete from tag_conditions where tag_id = ?')
  const setFailing = db.prepare('update tags set failing = ? where id = ?')
  const setWell = db.prepare('update tags set failing = null, missing_since = null where id = ?')
  const setCondition = db.prepare(`
    insert into tag_conditions (tag_id, type, status, reason, message, last_transition_time, generation)
    values (?, 'ImportSuccess', 'False', ?, ?, ?, ?)
    on conflict (tag_id, type) do update set status = excluded.status, reason = excluded.reason,
      message = excluded.message, generation = excluded.generation, last_transition_time =
        case when status = excluded.status then last_transition_time else excluded.last_transition_time end
    where (status, reason, message, generation) is not
      (excluded.status, excluded.reason, excluded.message, excluded.generation)`)
  const followers = db.prepare<TagAddress & { generation: number }>(`
    select s.id as streamId, s.namespace, s.name as streamName, p.name as tag, p.generation
    from spec_tags p join image_streams s on s.id = p.stream_id
    where p.follows_namespace = ? and p.follows_stream = ? and p.follows_tag = ? order by s.id, p.name`)
  const deleteTag = db.prepare('delete from tags where stream_id = ? and name = ?')
  const deleteSpecTag = db.prepare('delete from spec_tags where stream_id = ? and name = ?')
  const deleteSchedule = db.prepare('delete from import_schedules where stream_id = ? and tag = ?')
  const readListingAnew = db.prepare('update repository_watches set marks = null where stream_id = ?')
  const forgetClaim = db.prepare('delete from tag_claims where stream_id = ? and tag = ?')
  const raiseGeneration = db.prepare('update image_streams set generation = generation + 1 where id = ?')
  const old = `from tag_events as e where e.id in (select value from json_each(?))
    and e.id is not (select newest_event_id from tags t where t.id = e.tag_id)`
  const streamsOfOld = db.prepare<{ streamId: number }>(
    `select distinct (select stream_id from tags t where t.id = e.tag_id) as streamId ${old}`,
  )
  const deleteOld = db.prepare(`delete ${old}`)
  const touchStream = db.prepare(`
    update image_streams as s set resource_version = resource_version + 1,
      newest_at = max(newest_at, coalesce((select max(newest_at) from tags where stream_id = s.id), 0)) where id = ?`)

  const addTag = (streamId: number, tag: TagName, change: TagChange | null): number => {
    const { importance, version } = sortKeysOf(tag)
    const { at = 0, imageId = null, upstreamDigest = null } = change ?? {}
    return insertTag.insert(streamId, tag, importance, version, at, imageId, upstreamDigest, imageId)
  }

  const insertEventOf = (tagId: number, change: TagChange): number =>
    insertEvent.insert(
      tagId,
      change.imageId,
      change.dockerImageReference,
      change.generation,
      change.at,
      change.importId ?? null,
    )

  // the tag is there with its image from the start: its indexes are written once
  const addFirstEvent = (streamId: number, tag: TagName, change: TagChange): number => {
    const tagId = addTag(streamId, tag, change)
    const eventId = insertEventOf(tagId, change)
    setNewestEvent.run(eventId, tagId)
    return eventId
  }

  const addEvent = (tagId: number, change: TagChange): number => {
    const eventId = insertEventOf(tagId, change)
    setNewest.run(eventId, change.at, change.imageId, change.upstreamDigest, change.imageId, tagId)
    return eventId
  }

  const rewriteNewest = (tagId: number, eventId: number, change: TagChange): number => {
    rewriteEvent.run(change.imageId, change.dockerImageReference, change.generation, eventId)
    setNewestImage.run(change.imageId, change.upstreamDigest, change.imageId, tagId)
    return eventId
  }

  const touch = (tx: Transaction, streamId: number): void =>
    tx.beforeCommit(`touch stream ${streamId}`, () => touchStream.run(streamId))

  const appendPush = (tx: Transaction, to: TagAddress, change: TagChange, previousImageId: number | null) =>
    pushes.append(tx, {
      pushedAt: change.at,
      source: change.source,
      namespace: to.namespace,
      imageStreamName: to.streamName,
      streamId: to.streamId,
      tag: to.tag,
      dockerImageReference: change.dockerImageReference,
      imageId: change.imageId,
      previousImageId,
    })

  const record = (tx: Transaction, address: TagAddress, change: TagChange): Recording => {
    const { streamId, tag } = address
    const known = find.get(streamId, tag)
    const sameImage = known?.imageId === change.imageId
    const sameReference = known?.dockerImageReference === change.dockerImageReference
    // an older spec's import that finishes late never lowers what a newer one has observed
    const sameGeneration =
      known !== undefined && known.generation !== null && change.generation <= known.generation
    const isSame = sameImage && sameReference && sameGeneration

    let tagEventId: number
    if (!known) tagEventId = addFirstEvent(streamId, tag, change)
    else if (known.eventId === null || !(sameImage || sameReference)) tagEventId = addEvent(known.id, change)
    else if (!isSame) tagEventId = rewriteNewest(known.id, known.eventId, change)
    else tagEventId = known.eventId

    if (known?.failing) {
      clearConditions.run(known.id)
      setWell.run(known.id)
    }
    if (!isSame || known?.failing) {
      touch(tx, streamId)
    } else if (known && known.upstreamDigest !== change.upstreamDigest) {
      setNewestImage.run(change.imageId, change.upstreamDigest, change.imageId, known.id)
    }
    const from = known?.imageId ?? null
    if (!sameImage) appendPush(tx, address, change, from)
    return { tagEventId, pushed: !sameImage, moved: sameImage && sameReference ? null : { tag, from } }
  }

  // Breadth first. A tag follows one other and none itself, so each is reached once.
  const recordWithFollowers = (tx: Transaction, address: TagAddress, change: TagChange): Recording => {
    const recording = record(tx, address, change)
    const moved = recording.moved ? [address] : []
    for (const { namespace, streamName, tag } of moved) {
      for (const { generation, ...follower } of followers.all(namespace, streamName, tag)) {
        const same = takenOver(change, { generation, at: change.at })
        if (record(tx, follower, same).moved) moved.push(follower)
      }
    }
    return recording
  }

  // Once is enough: a rule never chooses a tag that follows another or has a rule, and no others move here.
  const letRulesChoose = (tx: Transaction, streamId: number, changed: ChangedTags): void => {
    for (const { address, change } of rules.choose(tx, streamId, changed)) {
      recordWithFollowers(tx, address, change)
    }
  }

  return {
    recordTagEvent(tx, address, change) {
      const { moved, ...recorded } = recordWithFollowers(tx, address, change)
      if (moved) letRulesChoose(tx, address.streamId, { moved: [moved], rewritten: [], at: change.at })
      return recorded
    },

    recordSpecTags(tx, stream, { events, rewritten }) {
      const moved: MovedTag[] = []
      for (const { tag, change } of events) {
        const recording = recordWithFollowers(tx, { ...stream, tag }, change)
        if (recording.moved) moved.push(recording.moved)
      }
      letRulesChoose(tx, stream.streamId, { moved, rewritten, at: now() })
    },

    recordImportFailure(tx, { streamId, tag }, { reason, message, generation, at }) {
      const id = find.get(streamId, tag)?.id ?? addTag(streamId, tag, null)
      if (setCondition.run(id, reason, message, at, generation).changes === 0) return
      setFailing.run(reason, id)
      touch(tx, streamId)
    },

    removeTag(tx, { streamId, tag }) {
      const inStatus = deleteTag.run(streamId, tag).changes > 0
      const inSpec = deleteSpecTag.run(streamId, tag).changes > 0
      if (inSpec) {
        raiseGeneration.run(streamId)
        deleteSchedule.run(streamId, tag)
      }
      const isRemoved = inStatus || inSpec
      if (isRemoved) {
        // the repository's tag of this name, which the next import brings in, need not have changed lately
        readListingAnew.run(streamId)
        forgetClaim.run(streamId, tag)
        touch(tx, streamId)
        letRulesChoose(tx, streamId, { moved: [], rewritten: [tag], at: now() })
      }
      return isRemoved
    },

    pruneTagEvents(tx, eventIds) {
      const ids = JSON.stringify(eventIds)
      for (const { streamId } of streamsOfOld.all(ids)) touch(tx, streamId)
      deleteOld.run(ids)
    },
  }
}
