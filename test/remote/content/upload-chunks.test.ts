import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { digestOf } from '../../../src/oci/digest.ts'
import { defaultLocation, NO_RULES } from '../../../src/remote/location/registry-rules.ts'
import { createAuthority } from '../../fixtures/certificates.ts'
import { startHttpProxy } from '../../fixtures/http-proxy.ts'
import { randomBytes } from '../../fixtures/random-numbers.ts'
import { TestClient } from '../../fixtures/registry-client.ts'
import { startUpstream } from '../../fixtures/upstream.ts'
import { errorResponse } from '../../fixtures/upstream-response.ts'

const MIB = 1024 * 1024

test('GitHub receives parts of at most 4 MiB, none of which it refuses', async () => {
  const authority = await createAuthority()
  const maxRequest = { bytes: 4 * MIB, response: errorResponse(416, 'REQUESTED_RANGE_NOT_SATISFIABLE') }
  await using registry = await startUpstream({
    tls: await authority.issue(['ghcr.io']),
    pushes: { maxRequest },
  })
  await using proxy = await startHttpProxy({ resolve: () => registry.host })
  const route = {
    id: 'to the registry of the test',
    ca: [authority.ca],
    client: null,
    proxy: { url: proxy.url, authorization: null },
  }
  const locationOf = (host: string, repository: string) => ({ ...defaultLocation(host, repository), route })
  await using client = new TestClient({
    egress: { resolve: async () => [{ address: '127.0.0.1', family: 4 }] },
    rules: () => ({
      ...NO_RULES,
      planOf: (host, repository) => ({ locations: [locationOf(host, repository)] }),
    }),
  })
  const bytes = randomBytes('github', 9 * MIB)
  const blob = {
    digest: digestOf(bytes),
    size: bytes.length,
    read: (offset: number) => Readable.from([bytes.subarray(offset)]),
  }

  expect(await client.writable('ghcr.io/team/app').pushBlob(blob)).toBe('UPLOADED')

  expect(registry.blob('team/app', blob.digest)?.equals(bytes)).toBe(true)
  const parts = registry.log.filter(({ kind }) => kind === 'upload')
  expect(parts.map(({ method, status }) => [method, status])).toEqual([
    ['POST', 202],
    ['PATCH', 202],
    ['PATCH', 202],
    ['PUT', 201],
  ])
})
