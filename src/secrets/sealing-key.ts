import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'

/** The sealing keys cannot be used. The message says why, and contains no part of a key. */
export class SealingKeyError extends Error {
  override readonly name = 'SealingKeyError'
  readonly code = 'SEALING_KEY'
}

/** A key that seals secrets. Printing the object does not show the bytes of the key. */
export interface SealingKey {
  /** 16 hexadecimal digits that identify the key without revealing it. */
  readonly id: string
  readonly key: KeyObject
}

/** Bytes of a key: AES-256. */
const KEY_BYTES = 32
/** Most keys in use at the same time. */
const MAX_KEYS = 16
const HEXADECIMAL = /^[0-9a-f]{64}$/i
const BASE64 = /^[\w+/-]{43}=?$/

/**
 * Parses keys, one a line or separated by commas, each 32 bytes in base64 or hexadecimal; a repeated key counts once.
 * `source` is the noun for the text in messages. Throws SealingKeyError.
 */
export function parseSealingKeys(text: string, source: string): readonly SealingKey[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== '')
  if (words.length === 0) throw new SealingKeyError(`${source} contains no key: ${ALLOWED}`)
  if (words.length > MAX_KEYS) {
    throw new SealingKeyError(`${source} contains ${words.length} keys; at most ${MAX_KEYS} are allowed`)
  }
  const keys = words.map((word, at) => {
    const bytes = bytesOf(word)
    if (bytes) return sealingKeyOf(bytes)
    throw new SealingKeyError(`${source}: key ${at + 1} of ${words.length} is invalid: ${ALLOWED}`)
  })
  return [...new Map(keys.map((key) => [key.id, key])).values()]
}

const ALLOWED =
  'a key is 32 random bytes in base64 or hexadecimal, as "openssl rand -base64 32" prints them; ' +
  'several keys are written one a line, and the first one seals'

function bytesOf(word: string): Buffer | undefined {
  if (HEXADECIMAL.test(word)) return Buffer.from(word, 'hex')
  const bytes = BASE64.test(word) ? Buffer.from(word, 'base64') : undefined
  return bytes?.length === KEY_BYTES ? bytes : undefined
}

function sealingKeyOf(bytes: Buffer): SealingKey {
  const id = createHmac('sha256', bytes).update('imagestreams sealing key').digest('hex').slice(0, 16)
  return { id, key: createSecretKey(bytes) }
}

/** Returns a new random key in the format that `parseSealingKeys` reads. */
export const newSealingKey = (): string => randomBytes(KEY_BYTES).toString('base64')
