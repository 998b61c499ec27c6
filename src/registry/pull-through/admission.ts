import type { Database } from '../../db/open.ts'
import type { images } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { type Digest, isDigest } from '../../oci/digest.ts'
import { readManifest } from '../../oci/manifest.ts'
import { parseReference, pullSpecByDigest } from '../../oci/reference.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Content, LinkedManifest } from '../content/content.ts'
import { linkColumnsOf, MAX_PARTS, tooManyParts } from '../content/manifest-parts.ts'

/** An image that a stream imported, and the source of its content. */
interface ImportedImage extends Pick<typeof images.$inferSelect, 'digest' | 'mediaType'> {
  readonly streamId: number
  readonly imageId: number
  /** A pull spec. */
  readonly source: string
  readonly insecure: 0 | 1
}

// imported by this tag, or by the tag that this one takes its image from; a pushed image has no source but this registry
const LOCAL = `p.reference_policy = 'Local' and (e.import_id is not null or exists (
  select 1 from tag_events o where o.image_id = e.image_id and o.import_id is not null
    and o.docker_image_reference = e.docker_image_reference))`
const IMPORTED = `s.id as streamId, i.id as imageId, i.digest, i.media_type as mediaType,
  e.docker_image_reference as source, p.insecure`

/** Creates the lookup and the links of imported images that a repository may serve. */
export function createImportedImages(db: Database, content: Content) {
  const byTag = db.prepare<ImportedImage>(
    `select ${IMPORTED} from image_streams s
       join spec_tags p on p.stream_id = s.id
       join tags t on t.stream_id = s.id and t.name = p.name
       join tag_events e on e.id = t.newest_event_id
       join images i on i.id = e.image_id
     where s.namespace = ? and s.name = ? and s.deleted_at is null and p.name = ? and ${LOCAL}`,
  )
  // cross joins fix the order: an unknown digest costs one lookup, and a stream has fewer spec tags than tags
  const byDigest = db.prepare<ImportedImage>(
    `select ${IMPORTED} from images i
       cross join image_streams s
       cross join spec_tags p on p.stream_id = s.id
       cross join tags t on t.stream_id = s.id and t.name = p.name
       cross join tag_events e on e.tag_id = t.id and e.image_id = i.id
     where s.namespace = ? and s.name = ? and s.deleted_at is null and i.digest = ? and ${LOCAL} order by e.id desc limit 1`,
  )
  const child = db.prepare<ImportedImage>(
    `select r.stream_id as streamId, i.id as imageId, i.digest, i.media_type as mediaType, m.source, m.insecure
     from images i
       cross join manifest_references f on f.digest = i.digest
       cross join repository_manifests m on m.image_id = f.image_id and m.source is not null
       cross join repositories r on r.id = m.repository_id
     where r.namespace = ? and r.name = ? and i.digest = ? order by m.pushed_at desc limit 1`,
  )

  return {
    find: ({ namespace, name }: StreamName, reference: TagName | Digest): ImportedImage | undefined =>
      isDigest(reference)
        ? (byDigest.get(namespace, name, reference) ?? child.get(namespace, name, reference))
        : byTag.get(namespace, name, reference),

    /** Links the manifest to the repository of its stream. Undefined for one with too many parts. */
    link(tx: Transaction, name: StreamName, found: ImportedImage, at: number): LinkedManifest | undefined {
      const { streamId, imageId, digest, mediaType, insecure } = found
      const columns = linkColumnsOf(readManifest(content.manifestBytes(imageId), mediaType))
      if (columns.references.length > MAX_PARTS) return undefined
      const repository = content.ensureRepository(tx, name, at)
      content.setStream(tx, repository.id, streamId)
      // a child comes from the repository of its index
      const source = pullSpecByDigest(parseReference(found.source), digest)
      const link = { repositoryId: repository.id, digest, imageId, ...columns }
      content.addManifest(tx, { ...link, source, insecure, at })
      return content.manifest(repository.id, digest)
    },
  }
}

/**
 * Returns a function that links an imported manifest to the repository of its stream and returns it; undefined for one
 * that the repository may not serve. Rejects with OciError.
 */
export function createManifestAdmission(
  db: Database,
  content: Content,
  now: () => number,
): (repository: StreamName, reference: TagName | Digest) => Promise<LinkedManifest | undefined> {
  const imported = createImportedImages(db, content)
  return async (name, reference) => {
    if (!imported.find(name, reference)) return undefined
    return db.transactTogether((tx) => {
      // the tag may have moved while this write waited for its transaction
      const found = imported.find(name, reference)
      if (!found) return undefined
      const linked = imported.link(tx, name, found, now())
      if (!linked) throw tooManyParts('DENIED')
      return linked
    })
  }
}
