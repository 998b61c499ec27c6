import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { TagName } from '../../oci/tag.ts'
import type { RepositoryName } from '../protocol/repository-name.ts'
import type { AttachedManifest, Attachments } from './attachments.ts'

/** Descriptors of one list; one more is read to know whether the list is complete. */
const MAX_REFERRERS = 1000

/** Artifacts of one repository of the integrated registry, read as those of other registries are, without requests. */
export class RepositoryArtifacts {
  readonly #attachments: Attachments
  readonly #registry: string
  readonly #repository: string
  readonly #name: RepositoryName

  /** `repository` is `namespace/name`. */
  constructor(
    attachments: Attachments,
    { registry, repository }: { readonly registry: string; readonly repository: string },
  ) {
    this.#attachments = attachments
    this.#registry = registry
    this.#repository = repository
    const slash = repository.indexOf('/')
    this.#name = { namespace: repository.slice(0, slash), name: repository.slice(slash + 1) }
  }

  async listReferrers(subject: Digest, artifactType: string | null) {
    const found = this.#attachments.referrers(this.#name, subject, { artifactType, limit: MAX_REFERRERS })
    const isComplete = found.length <= MAX_REFERRERS
    return { descriptors: found.slice(0, MAX_REFERRERS), source: 'API' as const, isComplete }
  }

  /** Null for an unknown tag. */
  async digestOfTag(tag: TagName): Promise<Digest | null> {
    return this.#attachments.digestOfTag(this.#name, tag) ?? null
  }

  /** Throws RegistryError when the repository does not have it. */
  async fetchManifest(digest: Digest): Promise<AttachedManifest> {
    return this.#found(this.#attachments.manifest(this.#name, digest), `the manifest ${digest}`)
  }

  /** Throws RegistryError when the repository does not have it, or it is larger than `maxBytes`. */
  async fetchAttachment({ digest }: Pick<Descriptor, 'digest'>, maxBytes: number): Promise<Uint8Array> {
    const bytes = await this.#attachments.blob(this.#name, digest, maxBytes)
    return this.#found(bytes, `the attachment ${digest}`)
  }

  #found<Content>(content: Content | undefined, what: string): Content {
    if (content !== undefined) return content
    throw new RegistryError(`${this.#registry} does not have ${what} of ${this.#repository}`, {
      reason: 'NotFound',
      registry: this.#registry,
      repository: this.#repository,
    })
  }
}
