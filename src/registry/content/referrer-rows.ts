import type { Database } from '../../db/open.ts'
import { isObject, parseStringMap } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Content } from './content.ts'

/** A manifest of a repository that is about another one there. */
export interface Referrer {
  readonly digest: Digest
  readonly imageId: number
  readonly mediaType: string
  readonly artifactType: string | null
  /** Bytes. */
  readonly size: number
}

/** Which referrers to read, in the order of their digests. */
export interface ReferrerPage {
  /** Null for all. */
  readonly artifactType: string | null
  /** Only those behind this one; empty for the beginning. */
  readonly last: string
  readonly limit: number
}

/** What a repository has that is about a manifest. */
export interface ReferrerRows {
  page(repositoryId: number | null, subject: Digest, page: ReferrerPage): readonly Referrer[]
  /** What the referrer's manifest says beside its content; undefined where it has no annotations. */
  annotationsOf(referrer: Referrer): Readonly<Record<string, string>> | undefined
}

/** Reads them anew each time. */
export function createReferrerRows(db: Database, content: Pick<Content, 'manifestBytes'>): ReferrerRows {
  const columns = `m.digest, m.image_id as imageId, i.media_type as mediaType, m.artifact_type as artifactType,
    length(i.manifest) as size from repository_manifests m join images i on i.id = m.image_id`
  const all = db.prepare<Referrer>(
    `select ${columns} where m.repository_id = ? and m.subject = ? and m.digest > ? order by m.digest limit ?`,
  )
  const ofType = db.prepare<Referrer>(
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
