import { BATCH, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import { type ImageIndex, parseManifest } from '../../oci/manifest.ts'
import { isIndexType } from '../../oci/media-types.ts'

/** Which stored indexes have which images: a manifest says what is below it, and this what is above. */
export interface IndexChildren {
  /** Forgets all, and reads every index. */
  build(signal: AbortSignal): Promise<void>
  /** Takes in the indexes that were stored since: ids ascend, and no manifest ever changes. */
  refresh(): void
  /** Whether an index has it that is not removed. */
  isChild(digest: Digest): boolean
  /** The index counts no more. Returns its children. */
  remove(indexId: number): readonly Digest[]
  clear(): void
}

/** Children that are taken in before others get a turn. */
const CHILDREN_AT_ONCE = 2_000
/** Hexadecimal digits, 48 bits of a digest: where two children are alike in them, one may stay that could go. */
const KEY_DIGITS = 12

export function createIndexChildren(db: Database): IndexChildren {
  db.prepare(
    `create temp table if not exists prune_children
     (child integer not null, index_id integer not null, primary key (child, index_id)) without rowid`,
  ).run()
  const clear = db.prepare('delete from temp.prune_children')
  const add = db.prepare('insert or ignore into temp.prune_children (child, index_id) values (?, ?)')
  const removeOne = db.prepare('delete from temp.prune_children where child = ? and index_id = ?')
  const isChild = db.prepare('select 1 as found from temp.prune_children where child = ? limit 1')
  const page = db.prepare<{ id: number; mediaType: string }>(
    `select id, media_type as mediaType from images where id > ? order by id limit ${BATCH}`,
  )
  const manifest = db.prepare<{ bytes: Uint8Array; mediaType: string }>(
    'select manifest as bytes, media_type as mediaType from images where id = ?',
  )
  let seen = 0

  const childrenOf = (indexId: number): readonly Digest[] => {
    const stored = manifest.get(indexId)
    if (!stored) return []
    const index = parseManifest(stored.bytes, stored.mediaType) as ImageIndex
    return index.manifests.map(({ digest }) => digest)
  }

  /** Whether there may be more. */
  const readSome = (): boolean => {
    let children = 0
    const rows = page.all(seen)
    for (const { id, mediaType } of rows) {
      if (children > CHILDREN_AT_ONCE) return true
      if (isIndexType(mediaType)) {
        for (const digest of childrenOf(id)) {
          add.run(keyOf(digest), id)
          children++
        }
      }
      seen = id
    }
    return rows.length > 0
  }

  return {
    async build(signal) {
      clear.run()
      seen = 0
      while (readSome()) await yieldToEventLoop(signal)
    },
    refresh() {
      while (readSome());
    },
    isChild: (digest) => isChild.get(keyOf(digest)) !== undefined,
    remove(indexId) {
      const digests = childrenOf(indexId)
      for (const digest of digests) removeOne.run(keyOf(digest), indexId)
      return digests
    },
    clear: () => void clear.run(),
  }
}

const keyOf = (digest: Digest): number =>
  Number.parseInt(digest.slice(digest.indexOf(':') + 1).slice(0, KEY_DIGITS), 16)
