import type { Database } from '../../db/open.ts'
import { OciError } from '../protocol/errors.ts'
import { answer, type Handler } from '../protocol/exchange.ts'
import type { RegistryLimits } from '../protocol/limits.ts'
import { nextPage, type PageQuery, parsePage } from '../protocol/page-link.ts'
import { formatRepositoryName } from '../protocol/repository-name.ts'

export interface TagsDependencies {
  readonly db: Database
  readonly limits: Pick<RegistryLimits, 'tagPageSize'>
}

export interface TagListing {
  readonly list: Handler
}

/** Characters of a list; a shorter one is read as fast as it is found again. */
const WORTH_KEEPING = 4_096
/** Lists, each of at most a page. */
const MAX_KNOWN = 16

interface Stream {
  readonly streamId: number
  /** Null while nothing was pushed to it, and nothing pulled through it. */
  readonly repositoryId: number | null
}

interface Page {
  /** The tags as they stand between the first and the last quote of a JSON list. */
  readonly names: string
  /** The last of them, where more come after it. */
  readonly last?: string
}

/**
 * The tags that a repository serves, in byte order: those of its stream that mean an image of this repository, and those
 * that its stream imports with `referencePolicy: Local`. Source: OCI distribution-spec, listing tags.
 */
export function createTags({ db, limits }: TagsDependencies): TagListing {
  const stream = db.prepare<Stream>(
    `select s.id as streamId, r.id as repositoryId from image_streams s
     left join repositories r on r.namespace = s.namespace and r.name = s.name
     where s.namespace = ? and s.name = ?`,
  )
  // One row for all: a row for each of 10,000 tags takes longer to hand over than to find. The index is named because
  // without statistics SQLite may look through all manifests of the repository for each of its tags.
  const served = db.prepare(
    `select group_concat(name, '","'), count(*) from (
       select t.name from tags t where t.stream_id = ? and t.name > ? and (
         exists (select 1 from repository_manifests m indexed by repository_manifests_by_image
           where m.image_id = t.newest_image_id and m.repository_id = ?)
         or t.newest_image_id is not null and exists (select 1 from spec_tags s
           where s.stream_id = t.stream_id and s.name = t.name and s.reference_policy = 'Local'))
       order by t.name limit ?)`,
  )

  const changes = db.prepare<{ total: number }>('select total_changes() as total')

  const read = ({ streamId, repositoryId }: Stream, { last, limit }: PageQuery): Page => {
    if (limit === 0) return { names: '' }
    const [row] = served.tuples(streamId, last, repositoryId, limit + 1)
    const [joined, count] = row as [names: string | null, count: number]
    return pageOf(joined ?? '', count > limit)
  }

  // Long lists are asked for again and again, by who waits for a new tag. One that was read stays true until something is
  // written, anywhere in the database: nobody else writes to it.
  const known = new Map<string, Page>()
  let readAt = -1
  const readOnce = (found: Stream, query: PageQuery): Page => {
    const total = changes.get()?.total ?? 0
    if (total !== readAt) known.clear()
    readAt = total
    const key = `${found.streamId} ${query.limit} ${query.last}`
    const page = known.get(key) ?? read(found, query)
    if (known.size === MAX_KNOWN) known.clear()
    if (page.names.length >= WORTH_KEEPING) known.set(key, page)
    return page
  }

  return {
    list(exchange) {
      const { base, query, repository } = exchange
      const asked = parsePage(query, limits.tagPageSize)
      const found = stream.get(repository.namespace, repository.name)
      if (!found) {
        throw new OciError('NAME_UNKNOWN', `there is no repository "${formatRepositoryName(repository)}"`)
      }
      const { names, last } = readOnce(found, asked)
      answer(
        exchange,
        200,
        {
          'Content-Type': 'application/json',
          ...(last !== undefined && nextPage(`${base}/tags/list`, { query, last })),
        },
        `{"name":"${base.slice('/v2/'.length)}","tags":[${names && `"${names}"`}]}`,
      )
    },
  }
}

/** No character of a tag's name needs escaping. The name that the page has too many goes: it only says that more come. */
function pageOf(names: string, hasMore: boolean): Page {
  if (!hasMore) return { names }
  const kept = names.slice(0, names.lastIndexOf('","'))
  return { names: kept, last: kept.slice(kept.lastIndexOf('"') + 1) }
}
