import { LRUCache } from 'lru-cache'
import { OciError } from '../../oci/oci-error.ts'
import { formatRepositoryName } from '../../oci/repository-name.ts'
import { respond } from '../../request-body/respond.ts'
import { type Handler, JSON_TYPE } from '../protocol/exchange.ts'
import { nextPage, type PageQuery, parsePage } from '../protocol/page-link.ts'
import type { RouteDependencies } from './dependencies.ts'

/** Minimum characters of a page in the cache: a shorter one is read as fast as it is found there. */
const MIN_CACHED = 4_096
/** Maximum number of pages in the cache. */
const MAX_CACHED = 16

interface TaggedRepository {
  readonly streamId: number
  /** Null until something is pushed to the repository or pulled through it. */
  readonly repositoryId: number | null
}

interface TagNamePage {
  /** Names as in a JSON list, without the first and the last quote. */
  readonly names: string
  /** The last name, if there is another page. */
  readonly last?: string
}

/**
 * Lists the tags that a repository serves, in byte order: tags of its stream that point to an image of the repository,
 * and tags that the stream imports with `referencePolicy: Local`. Source: OCI distribution-spec, listing tags.
 */
export function createTagList({ db, limits }: RouteDependencies): Handler {
  const repositoryByName = db.prepare<TaggedRepository>(
    `select s.id as streamId, r.id as repositoryId from image_streams s
     left join repositories r on r.namespace = s.namespace and r.name = s.name
     where s.namespace = ? and s.name = ? and s.deleted_at is null`,
  )
  // One row for the page: passing 10,000 rows to JavaScript takes longer than finding them. The index is named because
  // without statistics SQLite may read all manifests of the repository for each tag.
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

  const read = ({ streamId, repositoryId }: TaggedRepository, { last, limit }: PageQuery): TagNamePage => {
    if (limit === 0) return { names: '' }
    const [row] = served.tuples(streamId, last, repositoryId, limit + 1)
    const [joined, count] = row as [names: string | null, count: number]
    return pageOf(joined ?? '', count > limit)
  }

  // Clients that wait for a new tag request long lists again and again. This process is the only writer, so a page is
  // valid until the database's count of changes moves.
  const cache = new LRUCache<string, TagNamePage>({ max: MAX_CACHED })
  let cachedAt = -1
  const readCached = (repository: TaggedRepository, query: PageQuery): TagNamePage => {
    const total = changes.get()?.total ?? 0
    if (total !== cachedAt) cache.clear()
    cachedAt = total
    const key = `${repository.streamId} ${query.limit} ${query.last}`
    const page = cache.get(key) ?? read(repository, query)
    if (page.names.length >= MIN_CACHED) cache.set(key, page)
    return page
  }

  return ({ base, query, repository, response }) => {
    const page = parsePage(query, limits.tagPageSize)
    const found = repositoryByName.get(repository.namespace, repository.name)
    if (!found) {
      throw new OciError('NAME_UNKNOWN', `there is no repository "${formatRepositoryName(repository)}"`)
    }
    const { names, last } = readCached(found, page)
    const next = last !== undefined && nextPage(`${base}/tags/list`, { query, last })
    const body = `{"name":"${base.slice('/v2/'.length)}","tags":[${names && `"${names}"`}]}`
    respond(response, 200, { ...JSON_TYPE, ...next }, body)
  }
}

/** Returns the page without the extra name that was read to detect another page. Tag names need no JSON escapes. */
function pageOf(names: string, hasMore: boolean): TagNamePage {
  if (!hasMore) return { names }
  const kept = names.slice(0, names.lastIndexOf('","'))
  return { names: kept, last: kept.slice(kept.lastIndexOf('"') + 1) }
}
