import type { RegistryErrorReason } from '../../oci/registry-error.ts'

/** What of an error's cause is known. */
interface CloudLoginErrorDetail {
  readonly reason: RegistryErrorReason
  /** HTTP status of the answer, when there was one. */
  readonly status?: number
  readonly cause?: unknown
}

/**
 * A cloud gave nothing for its key. The message says which step failed, at whom, and how, and holds nothing of the key
 * or of what was made of it.
 */
export class CloudLoginError extends Error {
  override readonly name = 'CloudLoginError'
  readonly code = 'CLOUD_LOGIN'
  readonly reason: RegistryErrorReason
  readonly status: number | undefined

  constructor(message: string, { reason, status, cause }: CloudLoginErrorDetail) {
    super(message, { cause })
    this.reason = reason
    this.status = status
  }

  /** Whether the cloud does not want the key; it was not asked, or gave no answer that tells, otherwise. */
  get isRefusal(): boolean {
    return this.reason === 'Unauthorized' || this.reason === 'Forbidden'
  }
}
