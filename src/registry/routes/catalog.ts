import { type RegistryExchange, respondJson } from '../protocol/exchange.ts'
import { nextPage, parsePage } from '../protocol/page-link.ts'
import { formatRepositoryName, type RepositoryName } from '../protocol/repository-name.ts'

import type { RouteDependencies } from './dependencies.ts'

/** Lists the repositories for which `mayPull` returns true. */
export type CatalogList = (
  exchange: Omit<RegistryExchange, 'repository'>,
  mayPull: (repository: RepositoryName) => boolean,
) => void

/** Rows that one statement reads. */
const BATCH = 500

/**
 * Lists the repositories with manifests, or with tags that their stream imports with `referencePolicy: Local`, in byte
 * order of their names. Source: Docker Registry HTTP API V2, listing repositories.
 */
export function createCatalogList({ db, limits }: Pick<RouteDependencies, 'db' | 'limits'>): CatalogList {
  // one step for each namespace, however many streams it has
  const allNamespaces = db.prepare<{ namespace: string }>(
    `with recursive n(namespace) as (
       select min(namespace) from image_streams
       union all
       select (select min(namespace) from image_streams s where s.namespace > n.namespace) from n
       where n.namespace is not null)
     select namespace from n where namespace is not null`,
  )
  const streams = db.prepare<{ name: string }>(
    `select s.name from image_streams s where s.namespace = ? and s.name > ? and (
       exists (select 1 from repositories r join repository_manifests m on m.repository_id = r.id
         where r.namespace = s.namespace and r.name = s.name)
       or exists (select 1 from spec_tags p join tags t on t.stream_id = p.stream_id and t.name = p.name
         where p.stream_id = s.id and p.reference_policy = 'Local' and t.newest_image_id is not null))
     order by s.name limit ${BATCH}`,
  )

  /** Yields repositories in byte order of the full name: `a-b/x` comes before `a/x`, although `a` comes before `a-b`. */
  function* repositoriesAfter(last: string): Generator<RepositoryName> {
    const namespaces = allNamespaces.all().map(({ namespace }) => namespace)
    namespaces.sort((a, b) => (`${a}/` < `${b}/` ? -1 : 1))
    for (const namespace of namespaces) {
      let after = nameAfter(namespace, last)
      while (after !== undefined) {
        const rows = streams.all(namespace, after)
        for (const { name } of rows) yield { namespace, name }
        after = rows.length === BATCH ? rows.at(-1)?.name : undefined
      }
    }
  }

  return (exchange, mayPull) => {
    const { query } = exchange
    const { limit, last } = parsePage(query, limits.catalogPageSize)
    const repositories: string[] = []
    let hasMore = false
    for (const repository of limit === 0 ? [] : repositoriesAfter(last)) {
      if (!mayPull(repository)) continue
      hasMore = repositories.length === limit
      if (hasMore) break
      repositories.push(formatRepositoryName(repository))
    }
    const next = hasMore ? nextPage('/v2/_catalog', { query, last: repositories.at(-1) ?? '' }) : {}
    respondJson(exchange, 200, { repositories }, next)
  }
}

/** Returns the stream name after which the namespace's part of the page starts; undefined if the page has none of it. */
function nameAfter(namespace: string, last: string): string | undefined {
  const prefix = `${namespace}/`
  if (last.startsWith(prefix)) return last.slice(prefix.length)
  return last < prefix ? '' : undefined
}
