import { and, sql } from 'drizzle-orm'
import type { Rights } from '../../access/right/rights.ts'
import { conditionOf } from '../../db/search.ts'
import { columnsOfStream, visibleNamespaces, visibleStreams } from '../../db/visible-places.ts'
import { formatRepositoryName } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { respondJson } from '../../request-body/respond.ts'
import { type Handler, JSON_TYPE, type RegistryCall } from '../protocol/exchange.ts'
import { nextPage, parsePage } from '../protocol/page-link.ts'
import type { RouteDependencies } from './dependencies.ts'

/** Rows that one statement reads. */
const BATCH = 500

/**
 * Lists the repositories of streams that the viewer sees: those with manifests, or with tags that their stream imports with
 * `referencePolicy: Local`, in byte order of their names. Source: Docker Registry HTTP API V2, listing repositories.
 */
export function createCatalogList({ db: { orm }, limits }: RouteDependencies): Handler<RegistryCall> {
  // one step for each namespace, however many streams it has
  const readNamespaces = (rights: Rights) => {
    const wanted = and(sql`namespace is not null`, conditionOf(visibleNamespaces(rights, 'n.namespace')))
    return orm.all<{ namespace: string }>(sql`
      with recursive n(namespace) as (
        select min(namespace) from image_streams where deleted_at is null
        union all
        select (select min(namespace) from image_streams s where s.namespace > n.namespace and s.deleted_at is null) from n
        where n.namespace is not null)
      select namespace from n where ${wanted}`)
  }
  const readStreams = (rights: Rights, namespace: string, after: string) => {
    const visible = conditionOf(visibleStreams(rights, columnsOfStream('s')))
    const wanted = and(
      sql`s.namespace = ${namespace} and s.name > ${after} and s.deleted_at is null`,
      visible,
    )
    return orm.all<{ name: string }>(sql`
      select s.name from image_streams s where ${wanted} and (
        exists (select 1 from repositories r join repository_manifests m on m.repository_id = r.id
          where r.namespace = s.namespace and r.name = s.name)
        or exists (select 1 from spec_tags p join tags t on t.stream_id = p.stream_id and t.name = p.name
          where p.stream_id = s.id and p.reference_policy = 'Local' and t.newest_image_id is not null))
      order by s.name limit ${BATCH}`)
  }

  /** Yields repositories in byte order of the full name: `a-b/x` comes before `a/x`, although `a` comes before `a-b`. */
  function* repositoriesAfter(rights: Rights, last: string): Generator<StreamName> {
    const namespaces = readNamespaces(rights).map(({ namespace }) => namespace)
    namespaces.sort((a, b) => (`${a}/` < `${b}/` ? -1 : 1))
    for (const namespace of namespaces) {
      let after = nameAfter(namespace, last)
      while (after !== undefined) {
        const rows = readStreams(rights, namespace, after)
        for (const { name } of rows) yield { namespace, name }
        after = rows.length === BATCH ? rows.at(-1)?.name : undefined
      }
    }
  }

  return ({ query, viewer, response }) => {
    const { limit, last } = parsePage(query, limits.catalogPageSize)
    const repositories: string[] = []
    let hasMore = false
    for (const repository of limit === 0 ? [] : repositoriesAfter(viewer.rights, last)) {
      hasMore = repositories.length === limit
      if (hasMore) break
      repositories.push(formatRepositoryName(repository))
    }
    const next = hasMore ? nextPage('/v2/_catalog', { query, last: repositories.at(-1) ?? '' }) : {}
    respondJson(response, 200, { repositories }, { ...JSON_TYPE, ...next })
  }
}

/** Returns the stream name after which the namespace's part of the page starts; undefined if the page has none of it. */
function nameAfter(namespace: string, last: string): string | undefined {
  const prefix = `${namespace}/`
  if (last.startsWith(prefix)) return last.slice(prefix.length)
  return last < prefix ? '' : undefined
}
