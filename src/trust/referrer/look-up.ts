import { type Descriptor, isAttachment } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { InvalidManifestError, type Manifest } from '../../oci/manifest.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import { tagOfReferrers } from '../../oci/tag.ts'
import type { ArtifactSource } from './artifact-source.ts'
import { type AttachmentFacts, type FoundReferrer, factsOf } from './referrer.ts'

/** What one look at a repository found. */
export interface LookedUp {
  readonly referrers: readonly FoundReferrer[]
  readonly isComplete: boolean
}

/** Characters of annotations that are kept of one referrer, and of all of an image. */
const MAX_ANNOTATIONS = 16 * 1024
const MAX_ALL_ANNOTATIONS = 1024 * 1024
const COSIGN_SUFFIXES = ['.sig', '.att', '.sbom']

/** What the repository has about the image: one request for the list, and one for each of cosign's three tags. */
export async function lookUp(
  source: ArtifactSource,
  image: Digest,
  artifactType: string | null,
): Promise<LookedUp> {
  const [listing, tagged] = await Promise.all([
    source.listReferrers(image, artifactType),
    artifactType === null ? cosignTags(source, image) : [],
  ])
  let room = MAX_ALL_ANNOTATIONS
  const found = listing.descriptors.map((descriptor) => {
    const annotations = fitting(descriptor.annotations, Math.min(room, MAX_ANNOTATIONS))
    room -= lengthOf(annotations)
    return foundOf({ ...descriptor, annotations }, listing.source)
  })
  // Harbor lists what cosign's tags have, too: that says what it is about by its tag alone
  const byTag = new Map(tagged.map((one) => [one.digest, one]))
  const untagged = found.filter(({ digest }) => !byTag.has(digest))
  return { referrers: [...untagged, ...tagged], isComplete: listing.isComplete }
}

const foundOf = (
  { mediaType, digest, size, artifactType, annotations }: Descriptor,
  source: FoundReferrer['source'],
): FoundReferrer => ({
  digest,
  mediaType: mediaType.slice(0, 255),
  artifactType: artifactType === undefined ? null : artifactType.slice(0, 255),
  size,
  annotations,
  source,
  tag: null,
})

const lengthOf = (annotations: Readonly<Record<string, string>>): number =>
  Object.entries(annotations).reduce((sum, [key, value]) => sum + key.length + value.length, 0)

/** The first ones for which there is room. */
function fitting(
  annotations: Readonly<Record<string, string>>,
  room: number,
): Readonly<Record<string, string>> {
  let left = room
  return Object.fromEntries(
    Object.entries(annotations).filter(([key, value]) => {
      left -= key.length + value.length
      return left >= 0
    }),
  )
}

/** Source: cosign, SIGNATURE_SPEC.md, storage. */
async function cosignTags(source: ArtifactSource, image: Digest): Promise<readonly FoundReferrer[]> {
  const found = await Promise.all(
    COSIGN_SUFFIXES.map(async (suffix): Promise<FoundReferrer[]> => {
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

/** What an index lists beside its images: BuildKit's attestations of them. */
export const attachmentsOf = (manifest: Manifest | undefined): readonly FoundReferrer[] =>
  manifest?.kind === 'index'
    ? manifest.manifests
        .filter(isAttachment)
        .map((child) =>
          foundOf({ ...child, annotations: fitting(child.annotations, MAX_ANNOTATIONS) }, 'INDEX'),
        )
    : []

/** What a referrer's manifest says, or why it cannot be one; undefined where the registry does not give it now. */
export async function readFacts(
  source: ArtifactSource,
  digest: Digest,
): Promise<AttachmentFacts | string | undefined> {
  try {
    const { bytes, contentType } = await source.fetchManifest(digest)
    return factsOf(bytes, contentType)
  } catch (error) {
    if (error instanceof InvalidManifestError) return `is no manifest: ${error.message}`
    if (!(error instanceof RegistryError)) throw error
    if (error.reason === 'NotFound') return 'is listed, and not there'
    if (error.reason === 'InvalidManifest') return 'is listed, and something else is there'
    return undefined
  }
}
