import { and, eq, inArray, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { images, nestedIndexes, repositoryManifests } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { MAX_INDEX_DEPTH, type Manifest } from '../../oci/manifest.ts'
import { INDEX_TYPES } from '../../oci/media-types.ts'
import { OciError } from '../../oci/oci-error.ts'

/** A manifest that a repository stores, and has the children of. */
interface StoredManifest {
  readonly repositoryId: number
  readonly imageId: number
  readonly manifest: Manifest
}

/** Creates the limit on nested indexes: clients and this server read an index with all indexes below it. */
export function createNestedIndexes({ orm }: Database) {
  return {
    /** Stores the levels of an index with indexes below it. Throws OciError if they are too many. */
    record(_tx: Transaction, { repositoryId, imageId, manifest }: StoredManifest): void {
      if (manifest.kind !== 'index') return
      const children = manifest.manifests.map(({ digest }) => digest)
      const [{ below } = { below: null }] = orm
        // an index without a row has no indexes below it
        .select({ below: sql<number | null>`max(coalesce(${nestedIndexes.levels}, 1))` })
        .from(repositoryManifests)
        .innerJoin(images, eq(images.id, repositoryManifests.imageId))
        .leftJoin(nestedIndexes, eq(nestedIndexes.imageId, repositoryManifests.imageId))
        .where(
          and(
            eq(repositoryManifests.repositoryId, repositoryId),
            inArray(repositoryManifests.digest, children),
            inArray(images.mediaType, [...INDEX_TYPES]),
          ),
        )
        .all()
      if (below === null) return
      const levels = below + 1
      if (levels > MAX_INDEX_DEPTH) {
        throw new OciError('MANIFEST_INVALID', `indexes are nested more than ${MAX_INDEX_DEPTH} levels deep`)
      }
      orm
        .insert(nestedIndexes)
        .values({ imageId, levels })
        .onConflictDoUpdate({
          target: nestedIndexes.imageId,
          set: { levels: sql`max(levels, excluded.levels)` },
        })
        .run()
    },
  }
}
