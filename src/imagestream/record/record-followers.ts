import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import { copiedChange, type TagAddress, type TagChange } from '../tag/tag-change.ts'
import type { Recording, RecordOne } from './record-one.ts'

/** Creates the function that records the change of a tag, and of the spec tags that follow it, directly or through others. */
export function createRecordWithFollowers(db: Database, recordOne: RecordOne) {
  const followersOf = db.prepare<TagAddress & { generation: number }>(`
    select s.id as streamId, s.namespace, s.name as streamName, p.name as tag, p.generation
    from spec_tags p join image_streams s on s.id = p.stream_id
    where p.follows_namespace = ? and p.follows_stream = ? and p.follows_tag = ? order by s.id, p.name`)

  // Breadth first. A tag follows at most one other and never itself, so each follower is reached once.
  return (tx: Transaction, address: TagAddress, change: TagChange): Recording => {
    const recording = recordOne(tx, address, change)
    const moved = recording.moved ? [address] : []
    for (const { namespace, streamName, tag } of moved) {
      for (const { generation, ...follower } of followersOf.all(namespace, streamName, tag)) {
        const copiedFrom = { namespace, name: streamName }
        const copy = copiedChange(change, { generation, copiedFrom, at: change.at })
        if (recordOne(tx, follower, copy).moved) moved.push(follower)
      }
    }
    return recording
  }
}
