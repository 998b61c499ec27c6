import { hash } from 'node:crypto'

/** `algorithm:hex`, sha256 (64 digits) or sha512 (128), lowercase. Source: OCI image-spec, descriptor.md#digests. */
export type Digest = string & { readonly __brand: 'Digest' }

/** A supported algorithm. */
export type DigestAlgorithm = 'sha256' | 'sha512'

const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/

/** Reports whether the text is a digest with a supported algorithm. */
export const isDigest = (text: unknown): text is Digest => typeof text === 'string' && DIGEST.test(text)

/** Returns the digest; undefined for invalid text and for another algorithm. */
export const parseDigest = (text: unknown): Digest | undefined => (isDigest(text) ? text : undefined)

/** Returns the algorithm of a digest. */
export const algorithmOf = (digest: Digest): DigestAlgorithm =>
  digest.startsWith('sha512:') ? 'sha512' : 'sha256'

/** Returns the digest of the bytes. */
export const digestOf = (bytes: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): Digest =>
  `${algorithm}:${hash(algorithm, bytes, 'hex')}` as Digest

/** Reports whether the bytes have the digest. */
export const matchesDigest = (bytes: Uint8Array, digest: Digest): boolean =>
  digestOf(bytes, algorithmOf(digest)) === digest
