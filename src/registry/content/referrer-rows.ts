import type { Database } from '../../db/open.ts'
import type { repositoryManifests } from '../../db/tables/index.ts'
import { isObject, parseStringMap } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Content } from './content.ts'

/** A manifest whose subject is another manifest. */
export interface ReferrerRow
  extends Pick<typeof repositoryManifests.$inferSelect, 'digest' | 'imageId' | 'artifactType'> {
  readonly mediaType: string
  /** Bytes. */
  readonly size: number
}

/** A page of referrers, in the order of their digests. */
export interface ReferrerRowPage {
  /** Null for all types. */
  readonly artifactType: string | null
  /** Referrers come after this digest; empty for the first page. */
  readonly last: string
  readonly limit: number
}

/** Referrers of a repository's manifests. */
export interface ReferrerRows {
  page(repositoryId: number | null, subject: Digest, page: ReferrerRowPage): readonly ReferrerRow[]
  /** Returns the annotations of the referrer's manifest; undefined if it has none. */
  annotationsOf(referrer: ReferrerRow): Readonly<Record<string, string>> | undefined
}

export function createReferrerRows(db: Database, content: Pick<Content, 'manifestBytes'>): ReferrerRows {
  const columns = `m.digest, m.image_id as imageId, i.media_type as mediaType, m.artifact_type as artifactType,
    length(i.manifest) as size from repository_manifests m join images i on i.id = m.image_id`
  const all = db.prepare<ReferrerRow>(
    `select ${columns} where m.repository_id = ? and m.subject = ? and m.digest > ? order by m.digest limit ?`,
  )
  const ofType = db.prepare<ReferrerRow>(
    `select ${columns} where m.repository_id = ? and m.subject = ? and m.artifact_type = ? and m.digest > ?
     order by m.digest limit ?`,
  )
  return {
    page: (repositoryId, subject, { artifactType, last, limit }) =>
      artifactType === null
        ? all.all(repositoryId, subject, last, limit)
        : ofType.all(repositoryId, subject, artifactType, last, limit),
    annotationsOf({ imageId }) {
      const json: unknown = JSON.parse(new TextDecoder().decode(content.manifestBytes(imageId)))
      if (!isObject(json) || json.annotations === undefined) return undefined
      return parseStringMap(json.annotations)
    },
  }
}
