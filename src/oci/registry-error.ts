/** Why a request to a registry failed. */
export type RegistryErrorReason =
  | 'NotFound'
  | 'Unauthorized'
  | 'Forbidden'
  | 'ForbiddenTarget'
  | 'Blocked'
  | 'InvalidManifest'
  | 'RegistryUnavailable'
  | 'TooManyRequests'
  /** The quota of the namespace that the request is for. */
  | 'QuotaExceeded'
  /** Of pushes: the registry does not let the tag or the content be replaced. */
  | 'Immutable'
  /** Of pushes: the content is larger than the registry accepts, or its storage is used up. */
  | 'TooLarge'
  /** Of pushes: the manifest refers to content that the repository lacks. */
  | 'MissingContent'
  | 'InternalError'

/** Fields of a RegistryError. */
export interface RegistryErrorDetail {
  reason: RegistryErrorReason
  /** `host[:port]` as written in the reference. */
  registry: string
  repository?: string
  /** HTTP status of the response, if there was one. */
  status?: number
  cause?: unknown
}

/**
 * A request to a registry failed. The message is for users: it names the registry, the repository and the cause, never
 * contains a credential, and is equal for equal causes.
 */
export class RegistryError extends Error {
  override readonly name = 'RegistryError'
  readonly code = 'REGISTRY_ERROR'
  readonly reason: RegistryErrorReason
  readonly registry: string
  readonly repository: string | undefined
  readonly status: number | undefined

  constructor(message: string, { reason, registry, repository, status, cause }: RegistryErrorDetail) {
    super(message, { cause })
    this.reason = reason
    this.registry = registry
    this.repository = repository
    this.status = status
  }
}
