import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { type SealingKey, SealingKeyError } from './sealing-key.ts'

/** A stored secret cannot be opened: it was changed, or sealed with a key that this server does not have. */
export class BrokenSealError extends Error {
  override readonly name = 'BrokenSealError'
  readonly code = 'BROKEN_SEAL'
}

/** A sealed secret, as it is stored. */
export interface Sealed {
  /** Id of the key that opens it. */
  readonly keyId: string
  /** Nonce, ciphertext and tag, in this order. */
  readonly bytes: Uint8Array
}

/**
 * Encryption of secrets for storage. A secret opens only with the strings that it was sealed with (`boundTo`, the
 * additional authenticated data), so that it cannot be moved to another row. Source: NIST SP 800-38D; a random nonce of
 * 96 bits is good for 2^32 secrets under one key.
 */
export type Sealer = ReturnType<typeof createSealer>

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16
// without it Node.js also accepts tags of four bytes
const OPTIONS = { authTagLength: TAG_BYTES }

/** Creates a sealer that seals with the first key and opens with all of them. Throws SealingKeyError for an empty list. */
export function createSealer(keys: readonly SealingKey[]) {
  const [first] = keys
  if (!first) throw new SealingKeyError('no key to seal with')
  const byId = new Map(keys.map(({ id, key }) => [id, key]))
  return {
    /** Id of the key that seals. */
    keyId: first.id,
    /** Ids of the keys that open. */
    keyIds: new Set(byId.keys()) as ReadonlySet<string>,

    seal(secret: string, boundTo: readonly string[]): Sealed {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, first.key, nonce, OPTIONS).setAAD(contextOf(boundTo))
      const bytes = Buffer.concat([nonce, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return { keyId: first.id, bytes }
    },

    /** Throws BrokenSealError. */
    open({ keyId, bytes }: Sealed, boundTo: readonly string[]): string {
      const key = byId.get(keyId)
      if (!key)
        throw new BrokenSealError(
          `it is sealed with the key ${keyId}, which this server does not have; --credentials-key-file provides it, or the secret is set again`,
        )
      if (bytes.length < NONCE_BYTES + TAG_BYTES) throw changed()
      const nonce = bytes.subarray(0, NONCE_BYTES)
      const end = bytes.length - TAG_BYTES
      const decipher = createDecipheriv(CIPHER, key, nonce, OPTIONS)
        .setAAD(contextOf(boundTo))
        .setAuthTag(bytes.subarray(end))
      try {
        const secret = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, end)), decipher.final()])
        return secret.toString('utf8')
      } catch {
        throw changed()
      }
    },
  }
}

/** A sealed secret of a row. */
export interface SealedSecret {
  /** Id of the row. */
  readonly id: number
  /** For messages: `the credential of team for quay.io`. */
  readonly name: string
  readonly sealed: Sealed
  /** The strings that the seal is bound to: it opens only with the same ones. */
  readonly boundTo: readonly string[]
}

/** Opens a secret for its owner. Throws BrokenSealError, which names the secret. */
export function openNamed(sealer: Sealer, { name, sealed, boundTo }: SealedSecret): string {
  try {
    return sealer.open(sealed, boundTo)
  } catch (error) {
    if (!(error instanceof BrokenSealError)) throw error
    throw new BrokenSealError(`${name} cannot be used: ${error.message}`)
  }
}

const contextOf = (boundTo: readonly string[]): Buffer => Buffer.from(JSON.stringify(boundTo))

const changed = () =>
  new BrokenSealError('the stored secret was changed or belongs to another row; set it again')
