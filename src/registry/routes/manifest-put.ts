import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Database } from '../../db/open.ts'
import { algorithmOf, digestOf } from '../../oci/digest.ts'
import { MAX_CONFIG_SIZE, type Manifest } from '../../oci/manifest.ts'
import { isTagName, type TagName } from '../../oci/tag.ts'
import type { Content } from '../content/content.ts'
import { parsePushedManifest, readManifestBody } from '../content/manifest-body.ts'
import { createManifestParts, partsUnknown, referencesOf } from '../content/manifest-parts.ts'
import {
  illegalTag,
  type ManifestReference,
  requireManifestReference,
} from '../content/manifest-reference.ts'
import type { PushedManifest, StreamSink } from '../content/stream-sink.ts'
import { OciError } from '../protocol/errors.ts'
import { answer, type Handler } from '../protocol/exchange.ts'
import type { RepositoryName } from '../protocol/repository-name.ts'
import type { PullThrough } from '../pull-through/pull-through.ts'

/** Tags of one push by digest. */
export const MAX_TAGS_OF_PUSH = 100

export interface ManifestPutDependencies {
  readonly db: Database
  readonly content: Content
  readonly blobs: Pick<BlobStore, 'open'>
  readonly sink: StreamSink
  readonly pullThrough?: Pick<PullThrough, 'bring'> | undefined
  readonly now: () => number
}

/**
 * `PUT /v2/<name>/manifests/<reference>`: the image, its link to the repository, its tags and their place in the push log
 * are one transaction, and the 201 comes after it is on disk. Source: OCI distribution-spec, pushing manifests.
 */
export function createManifestPut(deps: ManifestPutDependencies): Handler<[reference: string]> {
  const { db, content, blobs, sink, pullThrough, now } = deps
  const parts = createManifestParts(db, content)

  const readConfig = async (manifest: Manifest): Promise<Uint8Array | null> => {
    if (manifest.kind === 'index' || manifest.artifact) return null
    const { digest, size } = manifest.config
    if (size > MAX_CONFIG_SIZE) {
      throw new OciError('MANIFEST_INVALID', `an image's config has at most ${MAX_CONFIG_SIZE} bytes`)
    }
    // the repository has it: what is asked is only where its bytes are at hand
    const known = content.configBytes(digest)
    if (known) return known
    await using blob = await blobs.open(digest)
    // collected since it was asked for
    if (!blob) throw partsUnknown([digest])
    return blob.read()
  }

  /** A client that was told of a blob which is still at its source has not pushed it: here it is needed. */
  const bringThrough = async (name: RepositoryName, manifest: Manifest): Promise<void> => {
    const repository = pullThrough && content.repository(name)
    if (!repository) return
    const missing = parts.missingBlobs(repository.id, manifest)
    await Promise.all(missing.map((digest) => pullThrough.bring(repository, digest)))
  }

  const record = (push: PushedManifest): Promise<void> =>
    db.transactTogether(
      (tx) => {
        const { repository: name, digest, manifest, at } = push
        // what was there before the config was read may have been deleted meanwhile
        parts.require(content.repository(name)?.id, manifest)
        const { imageId, streamId } = sink.pushed(tx, push)
        const { id } = content.ensureRepository(tx, name, at)
        content.setStream(tx, id, streamId)
        content.addManifest(tx, {
          repositoryId: id,
          digest,
          imageId,
          subject: manifest.subject?.digest ?? null,
          artifactType: artifactTypeOf(manifest),
          source: null,
          insecure: false,
          references: referencesOf(manifest),
          at,
        })
        requireSameType(manifest, content.manifest(id, digest)?.mediaType)
      },
      { patient: false },
    )

  return async (exchange, text) => {
    const { request, base, query, repository } = exchange
    const reference = requireManifestReference(text)
    const tags = tagsOf(reference, query)
    const bytes = await readManifestBody(request)
    const digest = digestOf(bytes, reference.digest ? algorithmOf(reference.digest) : 'sha256')
    if (reference.digest && digest !== reference.digest) {
      throw new OciError('DIGEST_INVALID', `the manifest's bytes have the digest ${digest}`, {
        detail: { digest },
      })
    }
    const manifest = parsePushedManifest(bytes, request.headers['content-type'])
    requireShortType(manifest)
    await bringThrough(repository, manifest)
    parts.require(content.repository(repository)?.id, manifest)
    const config = await readConfig(manifest)
    await record({ repository, digest, bytes, manifest, config, tags, at: now() })
    answer(exchange, 201, {
      Location: `${base}/manifests/${text}`,
      'Docker-Content-Digest': digest,
      ...(manifest.subject && { 'OCI-Subject': manifest.subject.digest }),
      ...(reference.digest && tags.length > 0 && { 'OCI-Tag': [...tags] }),
    })
  }
}

/** The tag of the path, or those that a push by digest asks for. Source: OCI distribution-spec, pushing manifests with tags. */
function tagsOf({ tag }: ManifestReference, query: URLSearchParams): readonly TagName[] {
  if (tag) return [tag]
  const tags = new Set<TagName>()
  for (const text of query.getAll('tag')) {
    if (!isTagName(text)) throw illegalTag(text)
    tags.add(text)
  }
  if (tags.size > MAX_TAGS_OF_PUSH) {
    throw new OciError('SIZE_INVALID', `one push sets at most ${MAX_TAGS_OF_PUSH} tags`, { status: 414 })
  }
  return [...tags]
}

/** What a list of referrers says of it. Source: OCI distribution-spec, listing referrers. */
export const artifactTypeOf = (manifest: Manifest): string | null =>
  manifest.artifactType ?? (manifest.kind === 'image' ? manifest.config.mediaType : null)

/** Characters: a media type has two names of at most 127. Source: RFC 6838, 4.2. */
const MAX_MEDIA_TYPE = 255

/** It stands in every list of referrers. */
function requireShortType(manifest: Manifest): void {
  if ((artifactTypeOf(manifest)?.length ?? 0) <= MAX_MEDIA_TYPE) return
  throw new OciError('MANIFEST_INVALID', `a media type has at most ${MAX_MEDIA_TYPE} characters`)
}

/**
 * Bytes that do not say their own type are stored once, as what they were first; they are never served as something else
 * than what this client has pushed.
 */
function requireSameType({ mediaType }: Manifest, stored: string | undefined): void {
  if (stored === mediaType) return
  throw new OciError(
    'MANIFEST_INVALID',
    `the same bytes are here already as ${stored}, not ${mediaType}: say which in the manifest's "mediaType"`,
  )
}
