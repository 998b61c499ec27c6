import { and, eq, isNotNull, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { specTags } from '../../db/tables/index.ts'
import type { Push } from '../../events/push-filter.ts'

/** Creates the test whether a tag was moved by its policy. */
export function createPolicyMoves({ orm }: Pick<Database, 'orm'>) {
  const withPolicy = orm
    .select({ name: specTags.name })
    .from(specTags)
    .where(
      and(
        eq(specTags.streamId, sql.placeholder('streamId')),
        eq(specTags.name, sql.placeholder('tag')),
        isNotNull(specTags.policy),
      ),
    )
    .prepare()

  /** Reports whether the tag has a policy, and the move was no push by a client. */
  return ({ source, streamId, tag }: Push): boolean =>
    source !== 'REGISTRY' && withPolicy.get({ streamId, tag }) !== undefined
}
