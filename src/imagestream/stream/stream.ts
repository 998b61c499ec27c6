import { missingStream, sees, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import { keyset, type SortColumn } from '../../db/page.ts'
import { columnsOf } from '../../db/statement.ts'
import { imageStreams, specTags as specTagsTable } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { createValueSteps } from '../../db/value-steps.ts'
import { windowsOf } from '../../db/windows.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImageStream, Spec, SpecTag } from '../spec/spec.ts'
import { countsByOwner, pageOfOwners } from '../tag/owned-rows.ts'
import { createStreamSearch, type StreamQuery } from './stream-search.ts'

/** Result of a finished import, for the stream. */
export interface StreamCheck {
  /** RFC 3339 time, or the error of a failed import. */
  readonly text: string
  /** When the import read every requested tag; null when one failed. Milliseconds since 1970. */
  readonly wholeAt: number | null
}

/** Reads of streams and their specs. */
export type Streams = ReturnType<typeof createStreams>

const LAST_DELETED: readonly SortColumn[] = [
  { column: 's.deleted_at', descending: true },
  { column: 's.id', descending: true },
]
/** Returns the table, by the index in that order, and the condition of the deleted streams of one namespace or of all. */
const deletedIn = (namespace: string | undefined) =>
  namespace === undefined
    ? {
        from: 'image_streams s indexed by image_streams_by_deletion',
        deleted: { text: 's.deleted_at is not null', values: [] },
      }
    : {
        from: 'image_streams s indexed by image_streams_deleted',
        deleted: { text: 's.namespace = ? and s.deleted_at is not null', values: [namespace] },
      }
const COLUMNS = columnsOf(imageStreams, 's', ['registry'])
const SPEC_TAGS = { table: 'spec_tags', owner: 'stream_id', id: 'rowid' } as const
const BY_NAME: readonly SortColumn[] = [{ column: 'name' }]
const SPEC_TAG_COLUMNS = columnsOf(specTagsTable, 't', ['registry', 'position'])

export function createStreams(db: Database) {
  const search = createStreamSearch(db)
  const byName = db.prepare<ImageStream>(
    `select ${COLUMNS} from image_streams s where s.namespace = ? and s.name = ? and s.deleted_at is null`,
  )
  const byUid = db.prepare<ImageStream>(`select ${COLUMNS} from image_streams s where s.uid = ?`)
  const byIds = db.prepare<ImageStream>(
    `select ${COLUMNS} from image_streams s where s.id in (select value from json_each(?)) and s.deleted_at is null`,
  )
  const evenDeleted = db.prepare<ImageStream>(
    `select ${COLUMNS} from image_streams s where s.id in (select value from json_each(?))`,
  )
  const specTag = db.prepare<SpecTag>(
    `select ${SPEC_TAG_COLUMNS} from spec_tags t where t.stream_id = ? and t.name = ?`,
  )
  const specTags = db.prepare<SpecTag>(
    `select ${SPEC_TAG_COLUMNS} from spec_tags t
     where t.stream_id in (select value from json_each(?)) order by t.stream_id, t.position, t.name`,
  )
  const generations = db.prepare<{ specTag: number | null; repository: number }>(
    `select (select generation from spec_tags where stream_id = s.id and name = ?) as specTag,
       s.repository_generation as repository from image_streams s where s.id = ?`,
  )
  const recordCheck = db.prepare(
    'update image_streams set repository_check = ?, checked_at = coalesce(?, checked_at) where id = ?',
  )

  return {
    /** The namespaces of the streams that exist. */
    namespaces: createValueSteps(db, {
      ...{ table: 'image_streams', column: 'namespace', index: 'image_streams_by_name' },
      where: 'deleted_at is null',
    }),
    /** Returns the stream; undefined for an unknown name, and for a stream that the viewer does not see. */
    byName: (viewer: Viewer, namespace: string, name: string): ImageStream | undefined =>
      sees(viewer, { namespace, name }) ? byName.get(namespace, name) : undefined,
    /** Throws NotFoundError for an unknown name, and for a stream that the viewer does not see. */
    existing(viewer: Viewer, namespace: string, name: string): ImageStream {
      const stream = sees(viewer, { namespace, name }) ? byName.get(namespace, name) : undefined
      if (!stream) throw missingStream({ namespace, name })
      return stream
    },
    /** Returns the stream, also when it is deleted. */
    byUid(viewer: Viewer, uid: string): ImageStream | undefined {
      const stream = byUid.get(uid)
      return stream && sees(viewer, stream) ? stream : undefined
    },
    /** Returns the streams with these ids that the viewer sees. */
    byIds: (viewer: Viewer, ids: readonly number[]): Map<number, ImageStream> =>
      seenBy(viewer, byIds.all(JSON.stringify(ids))),
    /** Returns them, deleted ones included. */
    evenDeleted: (viewer: Viewer, ids: readonly number[]): Map<number, ImageStream> =>
      seenBy(viewer, evenDeleted.all(JSON.stringify(ids))),
    /**
     * Returns a page of the deleted streams, of one namespace or of all, the last deleted first; its keys are
     * [deletedAt, id].
     */
    deleted(namespace: string | undefined, page: KeysetPage): ImageStream[] {
      const { condition, keys, orderBy, limit, inOrder } = keyset(page, LAST_DELETED)
      const { from, deleted } = deletedIn(namespace)
      const where = [deleted.text, ...condition].join(' and ')
      const list = `select ${COLUMNS} from ${from} where ${where} order by ${orderBy} limit ?`
      return inOrder(db.prepare<ImageStream>(list).all(...deleted.values, ...keys, limit))
    },
    /** Counts them in bounded statements, between which other work runs. */
    async countDeleted(namespace: string | undefined): Promise<number> {
      const { from, deleted } = deletedIn(namespace)
      const rows = { from, where: [deleted], columns: LAST_DELETED }
      let total = 0
      for await (const window of windowsOf(db, rows, { page: { limit: 0 }, probes: 0 })) {
        const { condition, keys } = keyset(window, LAST_DELETED)
        const where = [deleted.text, ...condition].join(' and ')
        const count = db.prepare<{ total: number }>(`select count(*) as total from ${from} where ${where}`)
        total += count.get(...deleted.values, ...keys)?.total ?? 0
      }
      return total
    },
    /** Returns a page of the streams that meet the filter, in order; its keys are `streamKeyOf(stream, order)`. */
    page: (listing: StreamQuery): Promise<ImageStream[]> => search.page(listing, COLUMNS),
    count: search.count,
    /** Returns a page of each stream's spec tags, by name; its keys are [name]. */
    specTagPages: (streamIds: readonly number[], page: KeysetPage): SpecTag[] =>
      pageOfOwners(db, { ...SPEC_TAGS, columns: SPEC_TAG_COLUMNS, order: BY_NAME }, streamIds, page),
    countSpecTags: (streamIds: readonly number[]): Map<number, number> =>
      countsByOwner(db, SPEC_TAGS, streamIds),
    /** Returns the spec tags of many streams, those of each in the order of its spec. */
    specTags: (streamIds: readonly number[]): SpecTag[] => specTags.all(JSON.stringify(streamIds)),
    specTag: (streamId: number, name: TagName): SpecTag | undefined => specTag.get(streamId, name),
    /** Returns the generations of a tag's spec tag, null without one, and of the stream's repository. */
    generations: (
      streamId: number,
      tag: TagName,
    ): { readonly specTag: number | null; readonly repository: number } | undefined =>
      generations.get(tag, streamId),
    spec(stream: ImageStream): Spec {
      const { dockerImageRepository, insecure, scheduled, importMode, lookupLocal } = stream
      const tags = new Map(specTags.all(JSON.stringify([stream.id])).map((tag) => [tag.name, tag]))
      return { dockerImageRepository, insecure, scheduled, importMode, lookupLocal, tags }
    },
    /** Stores the result of an import. The resource version stays: clients need not read the stream again. */
    recordCheck: (_tx: Transaction, streamId: number, check: StreamCheck): void => {
      recordCheck.run(check.text, check.wholeAt, streamId)
    },
  }
}

const seenBy = (viewer: Viewer, streams: readonly ImageStream[]): Map<number, ImageStream> =>
  new Map(streams.filter((stream) => sees(viewer, stream)).map((stream) => [stream.id, stream]))
