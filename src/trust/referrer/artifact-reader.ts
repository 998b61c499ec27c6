import { Deadline } from '../../concurrency/abort.ts'
import type { ImageRepository } from '../../imagestream/tag/image-locations.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { FailureReason } from '../../oci/failure-reason.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { TagName } from '../../oci/tag.ts'

/** Access to repositories of other registries and of the integrated registry. */
export interface ArtifactSources {
  /** Opens a repository without sending a request. */
  open(repository: ImageRepository, signal: AbortSignal): ArtifactSource
}

/** Referrers of a manifest, as a repository lists them. */
export interface ReferrerList {
  readonly descriptors: readonly Descriptor[]
  /** `API` the referrers API; `TAG` the index that clients maintain under a tag where the registry has no such API. */
  readonly source: 'API' | 'TAG'
  /** False when only the first descriptors were read. */
  readonly isComplete: boolean
}

/** Artifacts of one repository. Every method rejects with RegistryError or the signal's reason. */
export interface ArtifactSource {
  listReferrers(subject: Digest, artifactType: string | null): Promise<ReferrerList>
  /** Null for a tag that does not exist. */
  digestOfTag(tag: TagName): Promise<Digest | null>
  /** Resolves to the exact bytes, verified against the digest. */
  fetchManifest(digest: Digest): Promise<{ readonly bytes: Uint8Array; readonly contentType: string }>
  /** Resolves to the exact bytes, verified against the digest. */
  fetchAttachment(descriptor: Pick<Descriptor, 'digest' | 'size'>, maxBytes: number): Promise<Uint8Array>
}

/** Why a repository could not be read. */
export interface ReadFailure {
  readonly reason: FailureReason
  readonly message: string
}

export interface ArtifactReaderOptions {
  readonly sources: ArtifactSources
  /** Receives errors of this server. */
  readonly onInternalError: (error: unknown) => void
  /** Milliseconds for all requests about one image. */
  readonly timeout?: number
}

const TIMEOUT = 30_000

/** Reads repositories within a time limit, and returns failures as data. Disposing aborts all requests. */
export class ArtifactReader implements Disposable {
  readonly #options: ArtifactReaderOptions
  readonly #closing = new AbortController()

  constructor(options: ArtifactReaderOptions) {
    this.#options = options
  }

  /** Resolves to the result of `read`, or to the reason why it failed. Never rejects. */
  async read<Result>(
    repository: ImageRepository,
    read: (source: ArtifactSource) => Promise<Result>,
  ): Promise<Result | { readonly failure: ReadFailure }> {
    const { sources, timeout = TIMEOUT, onInternalError } = this.#options
    using deadline = new Deadline(timeout, this.#closing.signal)
    try {
      return await read(sources.open(repository, deadline.signal))
    } catch (error) {
      const { reason, message } = this.#failureOf(error, repository, deadline.signal)
      if (reason === 'InternalError' && !this.#closing.signal.aborted) onInternalError(error)
      return { failure: { reason, message } }
    }
  }

  #failureOf(error: unknown, { registry }: ImageRepository, deadline: AbortSignal): ReadFailure {
    if (error instanceof RegistryError) return error
    if (this.#closing.signal.aborted) return { reason: 'InternalError', message: 'this server is stopping' }
    if (deadline.aborted) {
      return { reason: 'RegistryUnavailable', message: `${registry} did not respond in time` }
    }
    return { reason: 'InternalError', message: `${registry} was not read: internal error of this server` }
  }

  [Symbol.dispose](): void {
    this.#closing.abort()
  }
}

/** Reports whether a result of `ArtifactReader.read` is a failure. */
export const isReadFailure = (result: unknown): result is { readonly failure: ReadFailure } =>
  typeof result === 'object' && result !== null && 'failure' in result
