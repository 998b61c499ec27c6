/** Why a registry did not give what was asked; the words of an `ImportSuccess=False` condition. */
export type RegistryErrorReason =
  | 'NotFound'
  | 'Unauthorized'
  | 'Forbidden'
  | 'ForbiddenTarget'
  | 'Blocked'
  | 'InvalidManifest'
  | 'RegistryUnavailable'
  | 'TooManyRequests'
  | 'InternalError'

export interface RegistryErrorDetail {
  reason: RegistryErrorReason
  /** `host[:port]` as the reference spelled it. */
  registry: string
  repository?: string
  /** HTTP status of the answer, when there was one. */
  status?: number
  cause?: unknown
}

/**
 * A registry was asked and the answer is no. The message is for a person: which registry, which repository, what it
 * answered; the same cause gives the same words, and never a credential.
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
