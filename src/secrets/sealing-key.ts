import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { SealingKeyError } from './errors.ts'

/** A key that credentials are sealed with. The object never shows its bytes, whoever prints it. */
export interface SealingKey {
  /** 16 hexadecimal digits that tell one key from another, and nothing of it. */
  readonly id: string
  readonly key: KeyObject
}

/** Bytes of a key: AES-256. */
const KEY_BYTES = 32
/** Keys that are taken at a time. */
const MAX_KEYS = 16
const HEXADECIMAL = /^[0-9a-f]{64}$/i
const BASE64 = /^[\w+/-]{43}=?$/

/**
 * The keys of a text, one a line or separated by commas, each 32 bytes in base64 or hexadecimal. `source` is what the
 * text is called in messages. Throws SealingKeyError.
 */
export function parseSealingKeys(text: string, source: string): readonly SealingKey[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== '')
  if (words.length === 0) throw new SealingKeyError(`${source} holds no key: ${ALLOWED}`)
  if (words.length > MAX_KEYS) {
    throw new SealingKeyError(`${source} holds ${words.length} keys; at most ${MAX_KEYS} are taken`)
  }
  const keys = words.map((word, at) => {
    const bytes = bytesOf(word)
    if (bytes) return sealingKeyOf(bytes)
    throw new SealingKeyError(`${source}: the key ${at + 1} of ${words.length} is none: ${ALLOWED}`)
  })
  return [...new Map(keys.map((key) => [key.id, key])).values()]
}

const ALLOWED =
  'a key is 32 random bytes in base64 or hexadecimal, as "openssl rand -base64 32" prints them; ' +
  'several stand on a line each, and the first one seals'

function bytesOf(word: string): Buffer | undefined {
  if (HEXADECIMAL.test(word)) return Buffer.from(word, 'hex')
  const bytes = BASE64.test(word) ? Buffer.from(word, 'base64') : undefined
  return bytes?.length === KEY_BYTES ? bytes : undefined
}

function sealingKeyOf(bytes: Buffer): SealingKey {
  const id = createHmac('sha256', bytes).update('imagestreams sealing key').digest('hex').slice(0, 16)
  return { id, key: createSecretKey(bytes) }
}

/** A new key, as `parseSealingKeys` reads it. */
export const newSealingKey = (): string => randomBytes(KEY_BYTES).toString('base64')
