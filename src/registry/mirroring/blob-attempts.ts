import { DigestMismatchError } from '../../blobs/errors.ts'
import type { Sleep } from '../../concurrency/clock.ts'
import { RegistryError, type RegistryErrorReason } from '../../oci/registry-error.ts'
import type { CopiedBlob } from './image-tree.ts'

/** Attempts at one blob, each with its own resumptions. */
const ATTEMPTS = 3
/** Milliseconds before the second attempt; doubled before the third. */
const RETRY_DELAY = 500

/** Failures that another attempt does not change. */
const FINAL: ReadonlySet<RegistryErrorReason> = new Set([
  'NotFound',
  'Unauthorized',
  'Forbidden',
  'ForbiddenTarget',
  'Blocked',
  'Immutable',
  'TooLarge',
])

/** Reports whether the copy of a blob may succeed at another attempt: from another mirror, or after an interruption. */
const isRepeatable = (error: unknown): boolean =>
  error instanceof DigestMismatchError || (error instanceof RegistryError && !FINAL.has(error.reason))

/** Returns a function that copies a blob by at most three attempts. It rejects as the last, and names the blob. */
export const createBlobAttempts =
  ({ sleep }: { readonly sleep: Sleep }) =>
  async (
    blob: Pick<CopiedBlob, 'digest'>,
    attempt: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> => {
    for (let made = 1; ; made++) {
      try {
        signal.throwIfAborted()
        return await attempt()
      } catch (error) {
        signal.throwIfAborted()
        if (made === ATTEMPTS || !isRepeatable(error)) throw withDigest(error, blob)
        await sleep(RETRY_DELAY * 2 ** (made - 1), signal)
      }
    }
  }

/** Returns a RegistryError whose message names the blob; other errors unchanged. */
function withDigest(error: unknown, { digest }: Pick<CopiedBlob, 'digest'>): unknown {
  if (!(error instanceof RegistryError) || error.message.includes(digest)) return error
  const { reason, registry, repository, status } = error
  return new RegistryError(`cannot copy the blob ${digest}: ${error.message}`, {
    reason,
    registry,
    ...(repository !== undefined && { repository }),
    ...(status !== undefined && { status }),
    cause: error,
  })
}
