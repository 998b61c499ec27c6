import { expect } from 'vitest'
import { type Digest, type DigestAlgorithm, digestOf } from '../../src/oci/digest.ts'
import { seededBytes } from '../fixtures/seed.ts'
import type { Answer, Client } from '../registry/client.ts'

export const ALGORITHMS: readonly DigestAlgorithm[] = ['sha256', 'sha512']

export interface RandomBlob {
  readonly bytes: Buffer
  readonly digest: Digest
}

let blobs = 0
export function randomBlob(algorithm: DigestAlgorithm, size = 2048): RandomBlob {
  const bytes = seededBytes(`blob ${++blobs}`, size)
  return { bytes, digest: digestOf(bytes, algorithm) }
}

let repositories = 0
/** Returns a repository that no other test uses. */
export const freshRepository = (): string => `conformance/r${++repositories}`

/** Adds the digest to the address that closes an upload, as clients do. */
export const withDigest = (location: string, digest: Digest): string =>
  `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`

/** Returns the Location of an accepted request. */
export const accepted = ({ status, headers }: Answer): string => {
  expect(status).toBe(202)
  return headers.location ?? ''
}

/** Expects the response to a blob's last byte, with a Location that returns the same bytes. */
export async function expectCreated(
  { status, headers }: Answer,
  { bytes, digest }: RandomBlob,
  client: Client,
): Promise<void> {
  expect(status).toBe(201)
  expect(headers['docker-content-digest']).toBe(digest)
  const pulled = await client.get(headers.location ?? '')
  expect([pulled.status, pulled.headers['docker-content-digest']]).toEqual([200, digest])
  expect(pulled.bytes.equals(bytes)).toBe(true)
}

/** Expects an error body of the specification with this code. */
export function expectError({ status, headers, json }: Answer, expected: number, code: string): void {
  expect([status, headers['content-type']]).toEqual([expected, 'application/json'])
  expect(json).toEqual({
    errors: [expect.objectContaining({ code, message: expect.stringMatching(/./) })],
  })
}
