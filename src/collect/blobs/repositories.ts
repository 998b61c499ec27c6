import { asc, gt } from 'drizzle-orm'
import { BATCH } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { repositories } from '../../db/tables/index.ts'
import type { Repository } from '../../registry/content/content.ts'
import { pagesOf } from '../kept/pages.ts'

/** Yields all repositories in pages, in the order of their creation. */
export function repositoryPages(
  { orm }: Database,
  signal: AbortSignal,
): AsyncGenerator<readonly Repository[]> {
  const { id, namespace, name, streamId } = repositories
  const read = (after = 0): Repository[] =>
    orm
      .select({ id, namespace, name, streamId })
      .from(repositories)
      .where(gt(id, after))
      .orderBy(asc(id))
      .limit(BATCH)
      .all()
  return pagesOf('id', read, signal)
}
