import { algorithmOf, digestOf } from '../../oci/digest.ts'
import type { PushedManifest } from '../../oci/manifest.ts'
import { MAX_CONFIG_SIZE, type Manifest } from '../../oci/manifest.ts'
import { OciError } from '../../oci/oci-error.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { isTagName, type TagName } from '../../oci/tag.ts'
import { respond } from '../../request-body/respond.ts'
import { createCopies } from '../content/copies.ts'
import { checkPushedConfig, parsePushedManifest, readManifestBody } from '../content/manifest-body.ts'
import {
  artifactTypeOf,
  createManifestParts,
  linkColumnsOf,
  partsUnknown,
} from '../content/manifest-parts.ts'
import type { Handler } from '../protocol/exchange.ts'
import { illegalTag, type ManifestReference, requireManifestReference } from '../protocol/reference.ts'
import type { RouteDependencies } from './dependencies.ts'

/** Maximum number of tags that a push by digest sets. */
export const MAX_TAGS_OF_PUSH = 100

/**
 * Handles `PUT /v2/<name>/manifests/<reference>`. One transaction writes the image, its link to the repository, its tags
 * and the change log; the 201 follows when it is on disk. Source: OCI distribution-spec, pushing manifests.
 */
export function createManifestPut(dependencies: RouteDependencies): Handler {
  const { db, content, blobs, streams, pullThrough, now } = dependencies
  const parts = createManifestParts(db, content)
  const copies = createCopies(db)

  const readConfig = async (manifest: Manifest): Promise<Uint8Array | null> => {
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
    const bytes = await blob.read()
    checkPushedConfig(bytes)
    return bytes
  }

  /** Fetches blobs that exist only at their source: the registry reports them as present, so clients do not push them. */
  const fetchMissing = async (name: StreamName, manifest: Manifest): Promise<void> => {
    const repository = pullThrough && content.repository(name)
    if (!repository) return
    const missing = parts.missingBlobs(repository.id, manifest)
    await Promise.all(missing.map((digest) => pullThrough.store(repository, digest)))
  }

  const record = (push: PushedManifest): Promise<void> =>
    db.transactTogether((tx) => {
      const { repository: name, digest, manifest, at } = push
      // parts may have been deleted while the config was read
      parts.require(content.repository(name)?.id, manifest)
      // linked before it is tagged: tags of other streams that follow its tags get their links with it
      streams.recordPush(tx, push, ({ imageId, streamId }) => {
        const { id } = content.ensureRepository(tx, name, at)
        content.setStream(tx, id, streamId)
        const link = { repositoryId: id, digest, imageId, ...linkColumnsOf(manifest) }
        content.addManifest(tx, { ...link, source: null, insecure: 0, at })
        requireSameType(manifest, content.manifest(id, digest)?.mediaType)
        if (manifest.subject) copies.passOn(tx, { from: id, digest, subject: manifest.subject.digest, at })
      })
    })

  return async ({ request, response, base, query, repository, reference: text }) => {
    const reference = requireManifestReference(text)
    const tags = tagsOf(reference, query)
    const bytes = await readManifestBody(request)
    const digest = digestOf(bytes, reference.digest ? algorithmOf(reference.digest) : 'sha256')
    if (reference.digest && digest !== reference.digest) {
      const message = `the digest does not match the manifest, whose digest is ${digest}`
      throw new OciError('DIGEST_INVALID', message, { detail: { digest } })
    }
    const manifest = parsePushedManifest(bytes, request.headers['content-type'])
    requireShortType(manifest)
    await fetchMissing(repository, manifest)
    parts.require(content.repository(repository)?.id, manifest)
    const config = await readConfig(manifest)
    await record({ repository, digest, bytes, manifest, config, tags, at: now() })
    respond(response, 201, {
      Location: `${base}/manifests/${text}`,
      'Docker-Content-Digest': digest,
      ...(manifest.subject && { 'OCI-Subject': manifest.subject.digest }),
      ...(reference.digest && tags.length > 0 && { 'OCI-Tag': [...tags] }),
    })
  }
}

/** Returns the path's tag, or the `tag` parameters of a push by digest. Source: OCI distribution-spec, pushing manifests. */
function tagsOf({ tag }: ManifestReference, query: URLSearchParams): readonly TagName[] {
  if (tag) return [tag]
  const tags = new Set<TagName>()
  for (const text of query.getAll('tag')) {
    if (!isTagName(text)) throw illegalTag(text)
    tags.add(text)
  }
  if (tags.size > MAX_TAGS_OF_PUSH) {
    const message = `too many tags: a push sets at most ${MAX_TAGS_OF_PUSH}`
    throw new OciError('SIZE_INVALID', message, { status: 414 })
  }
  return [...tags]
}

/** Maximum characters: a media type has two names of at most 127. Source: RFC 6838, 4.2. */
const MAX_MEDIA_TYPE = 255

/** Limits the artifact type, which every list of referrers repeats. Throws OciError. */
function requireShortType(manifest: Manifest): void {
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
