import { missingStream, sees, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import type { SortColumn } from '../../db/page.ts'
import { columnsOf } from '../../db/statement.ts'
import { imageStreams, specTags as specTagsTable } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { createValueSteps, type ValueSteps } from '../../db/value-steps.ts'
import { createNamespaceSteps } from '../../db/visible-places.ts'
import type { KeysetPage } from '../../input/page.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImageStream, Spec, SpecTag } from '../spec/spec.ts'
import { storedSpecTags } from '../spec/spec-tags.ts'
import { countsByOwner, pageOfOwners } from '../tag/owned-rows.ts'
import type { StreamFilter } from './stream-criteria.ts'
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

const COLUMNS = columnsOf(imageStreams, 's', ['registry'])
const SPEC_TAGS = { table: 'spec_tags', owner: 'stream_id', id: 'rowid' } as const
const BY_NAME: readonly SortColumn[] = [{ column: 'name' }]
const SPEC_TAG_COLUMNS = columnsOf(specTagsTable, 't', ['registry', 'position'])

export function createStreams(db: Database) {
  const search = createStreamSearch(db)
  const visibleNamespaces = createNamespaceSteps(db)
  const namespaces = createValueSteps(db, {
    ...{ table: 'image_streams', column: 'namespace', index: 'image_streams_by_name' },
    where: 'deleted_at is null',
  })
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
  const namedSpecTags = db.prepare<SpecTag>(
    `select ${SPEC_TAG_COLUMNS} from json_each(?) j
       cross join spec_tags t on t.stream_id = j.value ->> 0 and t.name = j.value ->> 1
     order by t.stream_id, t.position, t.name`,
  )
  const generations = db.prepare<{ specTag: number | null; repository: number }>(
    `select (select generation from spec_tags where stream_id = s.id and name = ?) as specTag,
       s.repository_generation as repository from image_streams s where s.id = ?`,
  )
  const recordCheck = db.prepare(
    'update image_streams set repository_check = ?, checked_at = coalesce(?, checked_at) where id = ?',
  )

  return {
    /** Returns the steps through the namespaces with a place that the viewer sees; undefined where it may see all. */
    visibleNamespaces: (viewer: Viewer): ValueSteps | undefined => visibleNamespaces(viewer.rights),
    /** The namespaces of the streams that exist. */
    namespaces,
    /** Reports whether the namespace has a stream that the viewer sees. */
    isNamespaceOf: search.isNamespaceOf,
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
    deleted: (viewer: Viewer, namespace: string | undefined, page: KeysetPage): Promise<ImageStream[]> =>
      search.page(viewer, { namespace, order: 'LAST_DELETED', page }, COLUMNS),
    countDeleted: (viewer: Viewer, namespace: string | undefined): Promise<number> =>
      search.count(viewer, { namespace, order: 'LAST_DELETED' }),
    /** Returns a page of the streams that meet the filter, in order; its keys are `streamKeyOf(stream, order)`. */
    page: (viewer: Viewer, listing: StreamQuery, signal?: AbortSignal): Promise<ImageStream[]> =>
      search.page(viewer, listing, COLUMNS, signal),
    count: (viewer: Viewer, filter: StreamFilter, signal?: AbortSignal): Promise<number> =>
      search.count(viewer, { ...filter, order: 'NAME' }, signal),
    /** Returns a page of each stream's spec tags, by name; its keys are [name]. */
    specTagPages: (streamIds: readonly number[], page: KeysetPage): SpecTag[] =>
      pageOfOwners(db, { ...SPEC_TAGS, columns: SPEC_TAG_COLUMNS, order: BY_NAME }, streamIds, page),
    countSpecTags: (streamIds: readonly number[]): Map<number, number> =>
      countsByOwner(db, SPEC_TAGS, streamIds),
    /** Returns the spec tags of many streams, those of each in the order of its spec. */
    specTags: (streamIds: readonly number[]): SpecTag[] => specTags.all(JSON.stringify(streamIds)),
    /** Returns those of the spec tags that exist, in the order of their specs. */
    namedSpecTags: (named: readonly { readonly streamId: number; readonly name: TagName }[]): SpecTag[] =>
      namedSpecTags.all(JSON.stringify(named.map(({ streamId, name }) => [streamId, name]))),
    specTag: (streamId: number, name: TagName): SpecTag | undefined => specTag.get(streamId, name),
    /** Returns the generations of a tag's spec tag, null without one, and of the stream's repository. */
    generations: (
      streamId: number,
      tag: TagName,
    ): { readonly specTag: number | null; readonly repository: number } | undefined =>
      generations.get(tag, streamId),
    /** Returns the stream's spec, whose tags are read when they are needed. */
    spec(stream: ImageStream): Spec {
      const { id: streamId, dockerImageRepository, insecure, scheduled, importMode, lookupLocal } = stream
      const tags = storedSpecTags({
        streamId,
        one: (name) => specTag.get(streamId, name),
        all: () => specTags.all(JSON.stringify([streamId])).map((tag) => [tag.name, tag] as const),
      })
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
