import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { BrokenSealError, SealingKeyError } from './errors.ts'
import type { SealingKey } from './sealing-key.ts'

/** What is stored in place of a secret. */
export interface Sealed {
  /** Of the key that opens it. */
  readonly keyId: string
  /** Nonce, ciphertext and tag, one behind the other. */
  readonly bytes: Uint8Array
}

/**
 * Seals secrets for storage. What a secret is bound to must be the same when it is opened: so none opens in another's
 * place. Source: NIST SP 800-38D; a random nonce of 96 bits is good for 2^32 secrets under one key.
 */
export interface Sealer {
  /** Of the key that seals. */
  readonly keyId: string
  readonly keyIds: ReadonlySet<string>
  seal(secret: string, boundTo: readonly string[]): Sealed
  /** Throws BrokenSealError. */
  open(sealed: Sealed, boundTo: readonly string[]): string
}

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16
// Node.js takes tags of four bytes too unless told
const OPTIONS = { authTagLength: TAG_BYTES }

/** The first key seals, and all of them open. Throws SealingKeyError without any. */
export function createSealer(keys: readonly SealingKey[]): Sealer {
  const [first] = keys
  if (!first) throw new SealingKeyError('there is no key to seal with')
  const byId = new Map(keys.map(({ id, key }) => [id, key]))
  return {
    keyId: first.id,
    keyIds: new Set(byId.keys()),
    seal(secret, boundTo) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, first.key, nonce, OPTIONS).setAAD(contextOf(boundTo))
      const bytes = Buffer.concat([nonce, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return { keyId: first.id, bytes }
    },
    open({ keyId, bytes }, boundTo) {
      const key = byId.get(keyId)
      if (!key) throw new BrokenSealError(`it is sealed with the key ${keyId}, which is not here`)
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

const contextOf = (boundTo: readonly string[]): Buffer => Buffer.from(JSON.stringify(boundTo))

const changed = () => new BrokenSealError('what is stored of it was changed, and is not used')
