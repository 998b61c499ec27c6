import type { Viewer } from '../../access/right/viewer.ts'
import { forEachBounded } from '../../concurrency/bounded.ts'
import { algorithmOf, type Digest, digestOf } from '../../oci/digest.ts'
import { MAX_MANIFEST_SIZE, type Manifest, type PushedManifest } from '../../oci/manifest.ts'
import { OciError } from '../../oci/oci-error.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { isTagName, type TagName } from '../../oci/tag.ts'
import { limitBodyTime } from '../../request-body/arrival.ts'
import { readBody } from '../../request-body/read-body.ts'
import { respond } from '../../request-body/respond.ts'
import { parsePushedManifest } from '../content/manifest-body.ts'
import { createManifestParts, partsUnknown } from '../content/manifest-parts.ts'
import { createPushTargets } from '../content/push-target.ts'
import { createConfigReader, createManifestStore, requireShortType } from '../content/store-manifest.ts'
import type { Handler } from '../protocol/exchange.ts'
import { illegalTag, type ManifestReference, requireManifestReference } from '../protocol/reference.ts'
import type { RouteDependencies } from './dependencies.ts'

/** Maximum number of tags that a push by digest sets. */
export const MAX_TAGS_OF_PUSH = 100

/** Files of blobs that are looked at together. */
const LOOKED_AT = 16

/**
 * Handles `PUT /v2/<name>/manifests/<reference>`. One transaction writes the image, its link to the repository, its tags
 * and the change log; the 201 follows when it is on disk. Source: OCI distribution-spec, pushing manifests.
 */
export function createManifestPut(dependencies: RouteDependencies): Handler {
  const { db, content, isIntact, pullThrough, limits, now } = dependencies
  const targets = createPushTargets(dependencies)
  const parts = createManifestParts(db, content)
  const store = createManifestStore(dependencies)
  const readConfig = createConfigReader(dependencies)

  /** Fetches blobs that exist only at their source: the registry reports them as present, so clients do not push them. */
  const fetchMissing = async (name: StreamName, manifest: Manifest): Promise<void> => {
    const repository = pullThrough && content.repository(name)
    if (!repository) return
    const missing = parts.missingBlobs(repository.id, manifest)
    await Promise.all(missing.map((digest) => pullThrough.store(repository, digest)))
  }

  /** Throws OciError for blobs whose bytes are lost: the client pushes them again. */
  const requireIntact = async (name: StreamName, manifest: Manifest): Promise<void> => {
    const repository = content.repository(name)
    if (!repository) return
    const lost: Digest[] = []
    await forEachBounded(parts.blobs(repository.id, manifest), LOOKED_AT, async ({ digest, size }) => {
      if (!(await isIntact(digest, size))) lost.push(digest)
    })
    if (lost.length > 0) throw partsUnknown(lost)
  }

  const record = (viewer: Viewer, push: PushedManifest): Promise<void> =>
    db.transactTogether((tx) => {
      // the stream may have been deleted since the request came
      targets.require(viewer, push.repository)
      // parts may have been deleted while the config was read
      parts.require(content.repository(push.repository)?.id, push.manifest)
      store(tx, viewer, push)
    })

  return async ({ request, response, memory, viewer, base, query, repository, reference: text }) => {
    const reference = requireManifestReference(text)
    targets.require(viewer, repository)
    const tags = tagsOf(reference, query)
    limitBodyTime(request, limits.idle)
    const bytes = await readBody(request, { maxBytes: MAX_MANIFEST_SIZE, memory })
    const digest = digestOf(bytes, reference.digest ? algorithmOf(reference.digest) : 'sha256')
    if (reference.digest && digest !== reference.digest) {
      const message = `the digest does not match the manifest, whose digest is ${digest}`
      throw new OciError('DIGEST_INVALID', message, { detail: { digest } })
    }
    const manifest = parsePushedManifest(bytes, request.headers['content-type'])
    requireShortType(manifest)
    await fetchMissing(repository, manifest)
    parts.require(content.repository(repository)?.id, manifest)
    await requireIntact(repository, manifest)
    const config = await readConfig(manifest)
    await record(viewer, { repository, digest, bytes, manifest, config, tags, at: now() })
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
