import { mapBounded } from '../../concurrency/bounded.ts'
import { type Descriptor, isAttachment } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { InvalidManifestError, type Manifest } from '../../oci/manifest.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import { tagOfReferrers } from '../../oci/tag.ts'
import type { ArtifactSource } from './artifact-reader.ts'
import { factsOf, type ListedReferrer, type ManifestFacts } from './referrer.ts'

/** Referrers of an image that one lookup found. */
export interface ListedReferrers {
  readonly referrers: readonly ListedReferrer[]
  /** Listed artifacts whose manifest does not exist or is invalid, with the reason. */
  readonly refused: readonly (readonly [digest: Digest, why: string])[]
  /** False when the list has more entries than were read. */
  readonly isComplete: boolean
}

export interface ReferrerLookup {
  readonly image: Digest
  /** Null for all. */
  readonly artifactType: string | null
  /** Manifest of the image; undefined where it is not stored. */
  readonly manifest: Manifest | undefined
  /** Referrers that an earlier lookup found: their manifests are not read again. */
  readonly known: readonly ListedReferrer[]
}

/** Characters of stored annotations, of one referrer and of all referrers of an image. */
const MAX_ANNOTATIONS = 16 * 1024
const MAX_ALL_ANNOTATIONS = 1024 * 1024
/** Manifests of referrers that one lookup reads: registries count requests. */
const MAX_READ = 10
/** A manifest can have megabytes. */
const READ_AT_A_TIME = 3
const COSIGN_SUFFIXES = ['.sig', '.att', '.sbom']

/**
 * Lists the referrers of an image and reads the manifests of the first new ones. Sends one request for the list, one for
 * each of cosign's three tags, and one for each manifest.
 */
export async function listReferrers(
  source: ArtifactSource,
  { image, artifactType, manifest, known }: ReferrerLookup,
): Promise<ListedReferrers> {
  const [list, tagged] = await Promise.all([
    source.listReferrers(image, artifactType),
    artifactType === null ? cosignTags(source, image) : [],
  ])
  let room = MAX_ALL_ANNOTATIONS
  const listed = list.descriptors.map((descriptor) => {
    const referrer = referrerOf(descriptor, list.source, room)
    room -= lengthOf(referrer.annotations)
    return referrer
  })
  // Harbor also lists the artifacts of cosign's tags; only the tag shows which image they refer to
  const byTag = new Set(tagged.map(({ digest }) => digest))
  const found = [...listed.filter(({ digest }) => !byTag.has(digest)), ...tagged]
  const digests = new Set(found.map(({ digest }) => digest))
  const inIndex = artifactType === null ? attachmentsOf(manifest) : []
  const referrers = [...found, ...inIndex.filter(({ digest }) => !digests.has(digest))]
  return { ...(await withFacts(source, referrers, known)), isComplete: list.isComplete }
}

/** Returns the referrer of a descriptor. `room` is the number of characters of annotations that may be stored. */
const referrerOf = (
  { mediaType, digest, size, artifactType, annotations }: Descriptor,
  source: ListedReferrer['source'],
  room = MAX_ANNOTATIONS,
): ListedReferrer => ({
  digest,
  mediaType: mediaType.slice(0, 255),
  artifactType: artifactType?.slice(0, 255) ?? null,
  size,
  annotations: fitting(annotations, Math.min(room, MAX_ANNOTATIONS)),
  source,
  tag: null,
})

type Annotations = Descriptor['annotations']

const lengthOf = (annotations: Annotations): number =>
  Object.entries(annotations).reduce((sum, [key, value]) => sum + key.length + value.length, 0)

/** Returns the first annotations, up to so many characters. */
function fitting(annotations: Annotations, room: number): Annotations {
  let left = room
  return Object.fromEntries(
    Object.entries(annotations).filter(([key, value]) => {
      left -= key.length + value.length
      return left >= 0
    }),
  )
}

/** Source: cosign, SIGNATURE_SPEC.md, storage. */
async function cosignTags(source: ArtifactSource, image: Digest): Promise<readonly ListedReferrer[]> {
  const found = await Promise.all(
    COSIGN_SUFFIXES.map(async (suffix): Promise<ListedReferrer[]> => {
      const tag = tagOfReferrers(image, suffix)
      const digest = await source.digestOfTag(tag)
      if (digest === null) return []
      const { bytes, contentType } = await source.fetchManifest(digest)
      const size = bytes.length
      const mediaType = contentType.slice(0, 255)
      return [{ digest, mediaType, artifactType: null, size, annotations: {}, source: 'COSIGN_TAG', tag }]
    }),
  )
  return found.flat()
}

/** Returns the attestations that an index lists beside its images, as BuildKit writes them. */
const attachmentsOf = (manifest: Manifest | undefined): readonly ListedReferrer[] =>
  manifest?.kind === 'index'
    ? manifest.manifests.filter(isAttachment).map((child) => referrerOf(child, 'INDEX'))
    : []

async function withFacts(
  source: ArtifactSource,
  referrers: readonly ListedReferrer[],
  known: readonly ListedReferrer[],
): Promise<Omit<ListedReferrers, 'isComplete'>> {
  const facts = new Map(known.map((one) => [one.digest, one.facts]))
  const refused: (readonly [Digest, string])[] = []
  const unread = referrers.filter((one) => !facts.get(one.digest)).slice(0, MAX_READ)
  await mapBounded(unread, READ_AT_A_TIME, async ({ digest }) => {
    const read = await fetchFacts(source, digest)
    if (typeof read === 'string') refused.push([digest, read])
    else facts.set(digest, read)
  })
  const described = referrers.map((one) => {
    const ofOne = facts.get(one.digest)
    return ofOne ? { ...one, facts: ofOne } : one
  })
  return { referrers: described, refused }
}

/** Resolves to the facts in a manifest, to why it is refused, or to undefined where the registry does not send it now. */
async function fetchFacts(
  source: ArtifactSource,
  digest: Digest,
): Promise<ManifestFacts | string | undefined> {
  try {
    const { bytes, contentType } = await source.fetchManifest(digest)
    return factsOf(bytes, contentType)
  } catch (error) {
    if (error instanceof InvalidManifestError) return `is not a manifest: ${error.message}`
    if (!(error instanceof RegistryError)) throw error
    if (error.reason === 'NotFound') return 'is listed but does not exist'
    if (error.reason === 'InvalidManifest') return 'is listed but has other content'
    return undefined
  }
}
