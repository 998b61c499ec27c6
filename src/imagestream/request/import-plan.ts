import { readKeyValues } from '../../input/key-values.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Platform } from '../../oci/platform.ts'
import { parseReference, type Reference } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Decision } from '../../policy/decide.ts'
import type { ImportMode } from '../image/fetch-image.ts'
import type { Urgency } from '../image/remote-registry.ts'
import { type ImageStream, isImportable, type SpecTag } from '../spec/spec.ts'
import { sortByImportance } from '../tag/tag-order.ts'

/** What an import was asked to bring in; stored with it, so that a restarted server can finish it. */
export interface ImportRequest {
  /** Every tag of `spec.dockerImageRepository`, but for those that spec tags name. */
  readonly repository: boolean
  readonly specTags: 'all' | readonly TagName[]
  /** Tags of `spec.dockerImageRepository` that are asked for by name, without a listing. */
  readonly repositoryTags: readonly TagName[]
  /** For this import alone, in place of what the spec says. */
  readonly insecure?: boolean
  readonly importMode?: ImportMode
  readonly urgency?: Urgency
  /** Asks the registry for each tag of the repository, whatever a vendor's listing says. */
  readonly fullSweep?: true
}

/** One tag to bring in. */
export interface ImportTarget {
  readonly tag: TagName
  readonly reference: Pick<Reference, 'registry' | 'repository'>
  /**
   * The tag to ask the registry for; the digest where the reference names one image for good; or the rule, as it is
   * stored, that chooses a tag of the repository.
   */
  readonly upstream: { readonly tag: TagName } | { readonly digest: Digest } | { readonly policy: string }
  /** What the rule chose, once it has; stored with what comes of it. */
  readonly decision?: Decision
  readonly insecure: boolean
  readonly importMode: ImportMode
  readonly platform: Platform
  /** Asked for although the registry does not list it any more. */
  readonly isUnlisted?: true
  /** Generation of what is wanted: of the spec tag, or of the repository. */
  readonly generation: number
  /** The spec tag that asks for it; without one it is the repository's. */
  readonly specTag: boolean
}

export interface ImportPlan {
  readonly urgency?: Urgency
  readonly targets: readonly ImportTarget[]
  /** The repository whose tags are to be listed and added to the targets. */
  readonly listing: Listing | null
}

export interface Listing {
  readonly reference: Pick<Reference, 'registry' | 'repository'>
  readonly insecure: boolean
  /** The listed tags that are the repository's to bring in, in order of importance. */
  wantedOf(listed: readonly TagName[]): TagName[]
  targetOf(tag: TagName): ImportTarget
}

const DEFAULT_PLATFORM: Platform = { os: 'linux', architecture: 'amd64' }
const PREFER_OS = 'importer.image.openshift.io/prefer-os'
const PREFER_ARCH = 'importer.image.openshift.io/prefer-arch'

export function planImport(
  stream: ImageStream,
  specTags: readonly SpecTag[],
  request: ImportRequest,
): ImportPlan {
  const wanted = specTags.filter(
    (tag) => isImportable(tag) && (request.specTags === 'all' || request.specTags.includes(tag.name)),
  )
  const targets = wanted.map((tag) => specTagTarget(tag, request))
  const { urgency } = request
  const asked = urgency === undefined ? {} : { urgency }
  if (stream.dockerImageRepository === null) return { ...asked, targets, listing: null }

  const reference = parseReference(stream.dockerImageRepository)
  const insecure = request.insecure ?? Boolean(stream.insecure)
  const targetOf = (tag: TagName): ImportTarget => ({
    tag,
    reference,
    upstream: { tag },
    insecure,
    importMode: request.importMode ?? stream.importMode,
    platform: DEFAULT_PLATFORM,
    generation: stream.repositoryGeneration,
    specTag: false,
  })
  // a spec tag wins over the repository's tag of the same name, also one that is not imported
  const taken = new Set(specTags.map(({ name }) => name))
  return {
    ...asked,
    targets: [...targets, ...request.repositoryTags.filter((tag) => !taken.has(tag)).map(targetOf)],
    listing: request.repository
      ? {
          reference,
          insecure,
          wantedOf: (listed) => sortByImportance(listed.filter((tag) => !taken.has(tag))),
          targetOf,
        }
      : null,
  }
}

function specTagTarget(specTag: SpecTag, request: ImportRequest): ImportTarget {
  const { registry, repository, tag, digest } = parseReference(specTag.fromName ?? '')
  const preferred = new Map(readKeyValues(specTag.annotations).map(({ key, value }) => [key, value]))
  return {
    tag: specTag.name,
    reference: { registry, repository },
    upstream: upstreamOf(specTag, { tag, digest }),
    insecure: request.insecure ?? Boolean(specTag.insecure),
    importMode: request.importMode ?? specTag.importMode,
    platform: {
      os: preferred.get(PREFER_OS) || DEFAULT_PLATFORM.os,
      architecture: preferred.get(PREFER_ARCH) || DEFAULT_PLATFORM.architecture,
    },
    generation: specTag.generation,
    specTag: true,
  }
}

function upstreamOf(
  { policy }: SpecTag,
  { tag, digest }: Pick<Reference, 'tag' | 'digest'>,
): ImportTarget['upstream'] {
  if (policy !== null) return { policy }
  return digest ? { digest } : { tag: tag ?? ('latest' as TagName) }
}
