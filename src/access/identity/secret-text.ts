import { createHash, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** What a secret is for, by the first characters of its text. */
const PREFIXES = {
  ist_: 'ACCESS_TOKEN',
  iss_: 'SESSION',
  iso_: 'ONE_TIME',
} as const
type Prefix = keyof typeof PREFIXES
export type SecretKind = (typeof PREFIXES)[Prefix]

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** Random digits of base 62: 256 bits. */
const RANDOM_LENGTH = 43
/** Digits of base 62 that hold 32 bits. */
const CHECKSUM_LENGTH = 6
/** Characters with which a list shows a secret: its prefix and four random digits. */
const SHOWN_LENGTH = 8

const SECRET = new RegExp(`^(is[tso]_)([0-9A-Za-z]{${RANDOM_LENGTH}})([0-9A-Za-z]{${CHECKSUM_LENGTH}})$`)

/** A secret of 256 random bits, which is shown once, and what is stored of it. */
export interface NewSecret {
  readonly text: string
  /** SHA-256 of the text. A slow hash would add nothing: the text cannot be guessed. */
  readonly hash: Buffer
  /** The first characters, by which its owner recognises it. */
  readonly prefix: string
}

/** Returns a new secret: a prefix and a checksum, by which scanners of source code find it, around its random digits. */
export function createSecret(kind: SecretKind): NewSecret {
  const random = Array.from({ length: RANDOM_LENGTH }, () => DIGITS[randomInt(DIGITS.length)]).join('')
  const text = `${prefixOf(kind)}${random}${checksumOf(random)}`
  return { text, hash: hashOfSecret(text), prefix: text.slice(0, SHOWN_LENGTH) }
}

/**
 * Returns the kind of a secret and the hash by which it is stored; undefined for other text. The checksum is no secret: it shows a
 * typing error without a lookup.
 */
export function parseSecret(text: string): { readonly kind: SecretKind; readonly hash: Buffer } | undefined {
  const [, prefix, random = '', checksum] = SECRET.exec(text) ?? []
  if (checksum === undefined || checksum !== checksumOf(random)) return undefined
  return { kind: PREFIXES[prefix as Prefix], hash: hashOfSecret(text) }
}

const prefixOf = (kind: SecretKind): string =>
  Object.entries(PREFIXES).find(([, named]) => named === kind)?.[0] ?? ''

const hashOfSecret = (text: string): Buffer => createHash('sha256').update(text).digest()

function checksumOf(random: string): string {
  let rest = crc32(random)
  let digits = ''
  for (let place = 0; place < CHECKSUM_LENGTH; place++) {
    digits = `${DIGITS[rest % DIGITS.length]}${digits}`
    rest = Math.floor(rest / DIGITS.length)
  }
  return digits
}
