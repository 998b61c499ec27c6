import type { RegistryErrorDetail, RegistryErrorReason } from '../../oci/registry-error.ts'

/**
 * A cloud returned no login for its key. The message names the failed step, the host and the failure, and contains
 * nothing of the key or of tokens derived from it.
 */
export class CloudLoginError extends Error {
  override readonly name = 'CloudLoginError'
  readonly code = 'CLOUD_LOGIN'
  readonly reason: RegistryErrorReason
  readonly status: number | undefined

  constructor(
    message: string,
    { reason, status, cause }: Omit<RegistryErrorDetail, 'registry' | 'repository'>,
  ) {
    super(message, { cause })
    this.reason = reason
    this.status = status
  }

  /** Whether the cloud refused the key, as opposed to an unreachable or failing cloud. */
  get isRefusal(): boolean {
    return this.reason === 'Unauthorized' || this.reason === 'Forbidden'
  }
}
