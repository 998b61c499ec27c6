import { asc, eq, gt, sql } from 'drizzle-orm'
import { BATCH, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { images } from '../../db/tables/index.ts'
import type { Digest } from '../../oci/digest.ts'
import { readManifest } from '../../oci/manifest.ts'
import { isIndexType } from '../../oci/media-types.ts'

/** Children of all stored indexes: a manifest lists its children, and this finds the indexes above a child. */
export type IndexChildren = ReturnType<typeof createIndexChildren>

/** Children that are read before the event loop gets a turn. */
const MAX_CHILDREN_AT_ONCE = 2_000
/** Hexadecimal digits of a key, 48 bits: if two children have the same key, one may be kept that could be removed. */
const KEY_DIGITS = 12

export function createIndexChildren(db: Database) {
  db.prepare(
    `create temp table if not exists prune_children
     (child integer not null, index_id integer not null, primary key (child, index_id)) without rowid`,
  ).run()
  const clear = db.prepare('delete from temp.prune_children')
  const add = db.prepare('insert or ignore into temp.prune_children (child, index_id) values (?, ?)')
  const removeOne = db.prepare('delete from temp.prune_children where child = ? and index_id = ?')
  const isChild = db.prepare('select 1 as found from temp.prune_children where child = ? limit 1')
  const pageAfter = (id: number) =>
    db.orm
      .select({ id: images.id, mediaType: images.mediaType })
      .from(images)
      .where(gt(images.id, id))
      .orderBy(asc(images.id))
      .limit(BATCH)
      .all()
  // runs for each index
  const manifest = db.orm
    .select({ bytes: images.manifest, mediaType: images.mediaType })
    .from(images)
    .where(eq(images.id, sql.placeholder('id')))
    .prepare()
  let lastRead = 0

  /** Returns the digests that a stored index lists. */
  const childrenOf = (indexId: number): readonly Digest[] => {
    const stored = manifest.get({ id: indexId })
    const parsed = stored && readManifest(stored.bytes, stored.mediaType)
    return parsed?.kind === 'index' ? parsed.manifests.map(({ digest }) => digest) : []
  }

  /** Reads the next indexes, as many as one turn allows. Returns false at the end. */
  const readSome = (): boolean => {
    let children = 0
    const rows = pageAfter(lastRead)
    for (const { id, mediaType } of rows) {
      if (children > MAX_CHILDREN_AT_ONCE) return true
      if (isIndexType(mediaType)) {
        for (const digest of childrenOf(id)) {
          add.run(keyOf(digest), id)
          children++
        }
      }
      lastRead = id
    }
    return rows.length === BATCH
  }

  return {
    childrenOf,
    /** Clears everything and reads every index. */
    async build(signal: AbortSignal): Promise<void> {
      clear.run()
      lastRead = 0
      while (readSome()) await yieldToEventLoop(signal)
    },
    /**
     * Reads some of the indexes that were stored since: ids ascend, and manifests never change. Returns false when none is
     * left.
     */
    refresh: readSome,
    /** Reports whether an index that is not removed lists the digest. */
    isChild: (digest: Digest): boolean => isChild.get(keyOf(digest)) !== undefined,
    /** Removes an index. Returns its children. */
    remove(indexId: number): readonly Digest[] {
      const digests = childrenOf(indexId)
      for (const digest of digests) removeOne.run(keyOf(digest), indexId)
      return digests
    },
    clear: (): void => void clear.run(),
  }
}

const keyOf = (digest: Digest): number =>
  Number.parseInt(digest.slice(digest.indexOf(':') + 1).slice(0, KEY_DIGITS), 16)
