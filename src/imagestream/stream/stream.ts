import type { Database } from '../../db/open.ts'
import { columnsOf } from '../../db/rows.ts'
import { imageStreams, specTags } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImageStream, Spec, SpecTag } from '../spec/spec.ts'
import { createStreamSearch, type StreamFilter, type StreamListing } from './stream-search.ts'

export interface StreamCheck {
  /** RFC 3339 time, or why the import failed. */
  readonly text: string
  /** When all that was asked for could be read; null when some could not. Milliseconds since 1970. */
  readonly wholeAt: number | null
}

/** Reads of streams and their specs. */
export interface Streams {
  byName(namespace: string, name: string): ImageStream | undefined
  byIds(ids: readonly number[]): Map<number, ImageStream>
  /** A page of those that are found, in order; its keys are `streamKeyOf(stream, order)`. */
  page(listing: StreamListing): ImageStream[]
  count(filter: StreamFilter): number
  /** Spec tags of many streams at once, of each in the order in which they were given. */
  specTags(streamIds: readonly number[]): SpecTag[]
  specTag(streamId: number, name: TagName): SpecTag | undefined
  /** Which generation of the spec a tag is wanted by: a spec tag of its own, or else the repository. */
  generations(streamId: number, tag: TagName): { specTag: number | null; repository: number } | undefined
  spec(stream: ImageStream): Spec
  /** When the last import finished, or why it failed. Not a new version of the stream: nothing that was read is stale. */
  recordCheck(tx: Transaction, streamId: number, check: StreamCheck): void
}

const COLUMNS = columnsOf(imageStreams, 's', ['registry'])
const SPEC_TAG_COLUMNS = columnsOf(specTags, 't', ['registry', 'position'])

export function createStreams(db: Database): Streams {
  const search = createStreamSearch(db)
  const byName = db.prepare<ImageStream>(
    `select ${COLUMNS} from image_streams s where s.namespace = ? and s.name = ?`,
  )
  const specTag = db.prepare<SpecTag>(
    `select ${SPEC_TAG_COLUMNS} from spec_tags t where t.stream_id = ? and t.name = ?`,
  )
  const generations = db.prepare<{ specTag: number | null; repository: number }>(
    `select (select generation from spec_tags where stream_id = s.id and name = ?) as specTag,
       s.repository_generation as repository from image_streams s where s.id = ?`,
  )
  const readSpecTags: Streams['specTags'] = (streamIds) =>
    db
      .prepare<SpecTag>(
        `select ${SPEC_TAG_COLUMNS} from spec_tags t
         where t.stream_id in (select value from json_each(?)) order by t.stream_id, t.position, t.name`,
      )
      .all(JSON.stringify(streamIds))

  return {
    byName: (namespace, name) => byName.get(namespace, name),
    byIds: (ids) =>
      new Map(
        db
          .prepare<ImageStream>(
            `select ${COLUMNS} from image_streams s where s.id in (select value from json_each(?))`,
          )
          .all(JSON.stringify(ids))
          .map((stream) => [stream.id, stream]),
      ),
    page: (listing) => search.page(listing, COLUMNS),
    count: search.count,
    recordCheck: (_tx, streamId, check) => {
      db.prepare(
        'update image_streams set repository_check = ?, checked_at = coalesce(?, checked_at) where id = ?',
      ).run(check.text, check.wholeAt, streamId)
    },
    specTags: readSpecTags,
    generations: (streamId, tag) => generations.get(tag, streamId),
    specTag: (streamId, name) => specTag.get(streamId, name),
    spec: ({ id, dockerImageRepository, insecure, scheduled, importMode, lookupLocal }) => ({
      dockerImageRepository,
      insecure,
      scheduled,
      importMode,
      lookupLocal,
      tags: new Map(readSpecTags([id]).map((tag) => [tag.name, tag])),
    }),
  }
}
