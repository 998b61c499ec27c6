import { asc, gt, sql } from 'drizzle-orm'
import { BATCH } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { repositories } from '../../db/tables/index.ts'
import type { Repository } from '../../registry/content/content.ts'
import { pagesOf } from '../kept/pages.ts'

/** Yields all repositories in pages, in the order of their creation. */
export type RepositoryPages = (signal: AbortSignal | undefined) => AsyncGenerator<readonly Repository[]>

export function createRepositoryPages({ orm }: Database): RepositoryPages {
  const { id, namespace, name, streamId } = repositories
  const page = orm
    .select({ id, namespace, name, streamId })
    .from(repositories)
    .where(gt(id, sql.placeholder('after')))
    .orderBy(asc(id))
    .limit(BATCH)
    .prepare()
  return (signal) =>
    pagesOf({ first: 0, read: (after) => page.all({ after }), keyOf: (row: Repository) => row.id }, signal)
}
