import type { Viewer } from '../../access/right/viewer.ts'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import { intact } from '../../oci/intact.ts'
import { MAX_CONFIG_SIZE, type Manifest, type PushedManifest } from '../../oci/manifest.ts'
import { OciError } from '../../oci/oci-error.ts'
import type { Content } from './content.ts'
import { createCopies } from './copies.ts'
import { checkPushedConfig } from './manifest-body.ts'
import { artifactTypeOf, linkColumnsOf, partsUnknown } from './manifest-parts.ts'
import { createNestedIndexes } from './nested-indexes.ts'
import type { RegistryStreams } from './registry-streams.ts'

interface ManifestStoreDependencies {
  readonly db: Database
  readonly content: Content
  readonly streams: Pick<RegistryStreams, 'recordPush'>
}

/**
 * Returns a function that writes a manifest whose parts the repository has: the image, its link to the repository, its
 * tags and the push log. It throws OciError for bytes that are stored with another media type, and for too deep indexes.
 */
export function createManifestStore({ db, content, streams }: ManifestStoreDependencies) {
  const copies = createCopies(db)
  const nesting = createNestedIndexes(db)
  return (tx: Transaction, viewer: Viewer, push: PushedManifest): void => {
    const { repository: name, digest, manifest, at } = push
    // linked before it is tagged: tags of other streams that follow its tags get their links with it
    streams.recordPush(tx, viewer, push, ({ imageId, streamId }) => {
      const { id } = content.ensureRepository(tx, name, at)
      content.setStream(tx, id, streamId)
      const link = { repositoryId: id, digest, imageId, ...linkColumnsOf(manifest) }
      content.addManifest(tx, { ...link, source: null, insecure: 0, at })
      requireSameType(manifest, content.manifest(id, digest)?.mediaType)
      nesting.record(tx, { repositoryId: id, imageId, manifest })
      if (manifest.subject) copies.passOn(tx, { from: id, digest, subject: manifest.subject.digest, at })
    })
  }
}

interface ConfigReaderDependencies {
  readonly content: Content
  readonly blobs: Pick<BlobStore, 'open'>
}

/**
 * Returns a function that reads and checks the config of an image whose repository has it; null for an index and an
 * artifact. It rejects with OciError.
 */
export function createConfigReader({ content, blobs }: ConfigReaderDependencies) {
  return async (manifest: Manifest): Promise<Uint8Array | null> => {
    if (manifest.kind === 'index' || manifest.artifact) return null
    const { digest, size } = manifest.config
    if (size > MAX_CONFIG_SIZE) {
      const message = `the image's config is too large: the maximum is ${MAX_CONFIG_SIZE} bytes`
      throw new OciError('MANIFEST_INVALID', message)
    }
    // the repository has the config's blob, so bytes of an image with the same config can be used
    const known = content.configBytes(digest)
    if (known) return known
    await using blob = await blobs.open(digest)
    // garbage collection removed it since the check
    if (!blob) throw partsUnknown([digest])
    const bytes = intact(digest, await blob.read())
    checkPushedConfig(bytes)
    return bytes
  }
}

/** Maximum characters: a media type has two names of at most 127. Source: RFC 6838, 4.2. */
const MAX_MEDIA_TYPE = 255

/** Limits the artifact type, which every list of referrers repeats. Throws OciError. */
export function requireShortType(manifest: Manifest): void {
  if ((artifactTypeOf(manifest)?.length ?? 0) <= MAX_MEDIA_TYPE) return
  const message = `the media type is too long: the maximum is ${MAX_MEDIA_TYPE} characters`
  throw new OciError('MANIFEST_INVALID', message)
}

/**
 * Rejects a manifest without a `mediaType` whose bytes are already stored with another type: it would be served with a
 * type that this client did not push. Throws OciError.
 */
function requireSameType({ mediaType }: Manifest, stored: string | undefined): void {
  if (stored === mediaType) return
  throw new OciError(
    'MANIFEST_INVALID',
    `the same bytes are already stored as ${stored}, not ${mediaType}: set "mediaType" in the manifest`,
  )
}
