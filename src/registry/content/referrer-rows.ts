import { and, asc, eq, gt, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { images, repositoryManifests } from '../../db/tables/index.ts'
import { parseStringMap } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { isObject } from '../../oci/json.ts'
import type { Content } from './content.ts'

/** Part of a list of referrers, in the order of their digests. */
export interface ReferrerRowPage {
  /** Null for all types. */
  readonly artifactType: string | null
  /** Referrers come after this digest; empty for the first page. */
  readonly last: string
  readonly limit: number
}

/** A manifest whose subject is another manifest. */
export interface ReferrerRow
  extends Pick<typeof repositoryManifests.$inferSelect, 'digest' | 'imageId' | 'artifactType'> {
  readonly mediaType: string
  /** Bytes. */
  readonly size: number
}

/** Creates the reads of referrers of a repository's manifests. */
export function createReferrerRows({ orm }: Database, content: Pick<Content, 'manifestBytes'>) {
  const { digest, imageId, artifactType } = repositoryManifests
  const size = sql<number>`length(${images.manifest})`
  return {
    page: (
      repositoryId: number,
      subject: Digest,
      { artifactType: type, last, limit }: ReferrerRowPage,
    ): ReferrerRow[] =>
      orm
        .select({ digest, imageId, artifactType, mediaType: images.mediaType, size })
        .from(repositoryManifests)
        .innerJoin(images, eq(images.id, imageId))
        .where(
          and(
            eq(repositoryManifests.repositoryId, repositoryId),
            eq(repositoryManifests.subject, subject),
            type === null ? undefined : eq(artifactType, type),
            gt(digest, sql`${last}`),
          ),
        )
        .orderBy(asc(digest))
        .limit(limit)
        .all(),

    /** Returns the annotations of the referrer's manifest; undefined if it has none. */
    annotationsOf({ imageId }: Pick<ReferrerRow, 'imageId'>): Readonly<Record<string, string>> | undefined {
      const json: unknown = JSON.parse(new TextDecoder().decode(content.manifestBytes(imageId)))
      return isObject(json) && json.annotations !== undefined ? parseStringMap(json.annotations) : undefined
    },
  }
}
