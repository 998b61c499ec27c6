import { readKeyValues } from '../../input/key-values.ts'
import type { Platform } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { parseReference, type Reference } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Decision } from '../../policy/decide.ts'
import type { ImportMode } from '../image/fetch-image.ts'
import type { Urgency } from '../image/remote-registry.ts'
import { type ImageStream, isImportable, type SpecTag } from '../spec/spec.ts'
import type { Streams } from '../stream/stream.ts'
import type { PassedOver } from '../tag/policy-choice.ts'
import { sortByImportance } from '../tag/tag-order.ts'

/** Scope and options of an import. Stored with it, so that a restarted server can finish it. */
export interface ImportRequest {
  /** Whether to import all tags of `spec.dockerImageRepository`, except those that spec tags name. */
  readonly repository: boolean
  readonly specTags: 'all' | readonly TagName[]
  /** Tags of `spec.dockerImageRepository` to import by name, without reading the tag list. */
  readonly repositoryTags: readonly TagName[]
  /** Replaces the spec's value for this import. */
  readonly insecure?: boolean
  /** Replaces the spec's value for this import. */
  readonly importMode?: ImportMode
  readonly urgency?: Urgency
  /** Requests each tag of the repository from the registry, also those that a listing reports as unchanged. */
  readonly fullScan?: true
}

/** One tag to import. */
export interface ImportTarget {
  readonly tag: TagName
  readonly reference: Pick<Reference, 'registry' | 'repository'>
  /**
   * The upstream tag; or the digest, for a reference that fixes one image; or the stored rule that chooses a tag of the
   * repository.
   */
  readonly upstream: { readonly tag: TagName } | { readonly digest: Digest } | { readonly policy: string }
  /** Decision of the rule, once it was applied; stored with the result. */
  readonly decision?: Decision
  /** Why the rule passed over tags that rank higher than the chosen one, or may do so. */
  readonly passedOver?: PassedOver
  readonly insecure: boolean
  readonly importMode: ImportMode
  readonly platform: Platform
  /** Set for a known tag that the registry no longer lists. */
  readonly isUnlisted?: true
  /** Generation of the spec tag, or of the repository. */
  readonly generation: number
  /** Whether a spec tag names it; otherwise it is a tag of the repository. */
  readonly specTag: boolean
}

export interface ImportPlan {
  readonly urgency?: Urgency
  readonly targets: readonly ImportTarget[]
  /** The repository whose tags are listed and added to the targets. */
  readonly repository: RepositoryImport | null
}

/** Import of all tags of a stream's repository. */
export interface RepositoryImport {
  readonly reference: Pick<Reference, 'registry' | 'repository'>
  readonly insecure: boolean
  /** Returns those of the tags that no spec tag names, in order of importance. */
  ownTags(listed: readonly TagName[]): TagName[]
  targetOf(tag: TagName): ImportTarget
}

const DEFAULT_PLATFORM: Platform = { os: 'linux', architecture: 'amd64' }
const PREFER_OS = 'importer.image.openshift.io/prefer-os'
const PREFER_ARCH = 'importer.image.openshift.io/prefer-arch'

/** Returns the spec tags that the plan of a request needs: those that it names, or all of them. */
export function specTagsFor(
  streams: Pick<Streams, 'specTags' | 'namedSpecTags'>,
  streamId: number,
  { repository, specTags, repositoryTags }: ImportRequest,
): SpecTag[] {
  if (repository || specTags === 'all') return streams.specTags([streamId])
  return streams.namedSpecTags(
    [...new Set([...specTags, ...repositoryTags])].map((name) => ({ streamId, name })),
  )
}

/** Returns the tags to import for a request, by the spec of the stream. `specTags` are those of `specTagsFor`, or more. */
export function planImport(
  stream: ImageStream,
  specTags: readonly SpecTag[],
  request: ImportRequest,
): ImportPlan {
  const named = request.specTags === 'all' ? null : new Set(request.specTags)
  const requested = specTags.filter((tag) => isImportable(tag) && (!named || named.has(tag.name)))
  const targets = requested.map((tag) => specTagTarget(tag, request))
  const urgency = request.urgency === undefined ? {} : { urgency: request.urgency }
  if (stream.dockerImageRepository === null) return { ...urgency, targets, repository: null }

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
  // a spec tag takes precedence over the repository's tag of the same name, even if it is not imported
  const inSpec = new Set(specTags.map(({ name }) => name))
  return {
    ...urgency,
    targets: [...targets, ...request.repositoryTags.filter((tag) => !inSpec.has(tag)).map(targetOf)],
    repository: request.repository
      ? {
          reference,
          insecure,
          ownTags: (listed) => sortByImportance(listed.filter((tag) => !inSpec.has(tag))),
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
