import { hash } from 'node:crypto'

/** `algorithm:hex`, sha256 (64 digits) or sha512 (128), lowercase. Source: OCI image-spec, descriptor.md#digests. */
export type Digest = string & { readonly __brand: 'Digest' }

export type DigestAlgorithm = 'sha256' | 'sha512'

const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/

export const isDigest = (text: unknown): text is Digest => typeof text === 'string' && DIGEST.test(text)

/** The digest as it stands, or undefined when it breaks the grammar or names another algorithm. */
export const parseDigest = (text: unknown): Digest | undefined => (isDigest(text) ? text : undefined)

export const algorithmOf = (digest: Digest): DigestAlgorithm =>
  digest.startsWith('sha512:') ? 'sha512' : 'sha256'

/** The digest of exactly these bytes. */
export const digestOf = (bytes: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): Digest =>
  `${algorithm}:${hash(algorithm, bytes, 'hex')}` as Digest

/** Whether the bytes are what the digest promises, by the digest's own algorithm. */
export const matchesDigest = (bytes: Uint8Array, digest: Digest): boolean =>
  digestOf(bytes, algorithmOf(digest)) === digest
