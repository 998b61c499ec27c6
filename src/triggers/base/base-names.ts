import { and, eq, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { specTags } from '../../db/tables/index.ts'
import type { Push } from '../../events/push-filter.ts'
import { parseReference } from '../../oci/reference.ts'
import { nameOf } from '../guard/base-image.ts'

/** Creates the names by which images that are based on a tag can refer to it. `registry` returns the host of this server's registry. */
export function createBaseNames({ orm }: Pick<Database, 'orm'>, registry: () => string) {
  const specTag = orm
    .select({ fromKind: specTags.fromKind, fromName: specTags.fromName, policy: specTags.policy })
    .from(specTags)
    .where(and(eq(specTags.streamId, sql.placeholder('streamId')), eq(specTags.name, sql.placeholder('tag'))))
    .prepare()

  /** Returns the names of a tag that moved: in this server's registry, and in the registry from which it was imported. */
  return ({ namespace, imageStreamName, streamId, tag, source, dockerImageReference }: Push): string[] => {
    const own = nameOf({ registry: registry(), repository: `${namespace}/${imageStreamName}` }, tag)
    if (source !== 'IMPORT') return [own]
    const { fromKind = null, fromName = null, policy = null } = specTag.get({ streamId, tag }) ?? {}
    // a policy chooses one tag after the other: none of them is the name of this tag
    if (policy !== null) return [own]
    const imported = fromKind === 'DockerImage' && fromName !== null ? parseReference(fromName).tag : null
    return [own, nameOf(parseReference(dockerImageReference), imported ?? tag)]
  }
}
