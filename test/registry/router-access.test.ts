import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EVERYTHING, type Rights } from '../../src/access/right/rights.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { formatRepositoryName } from '../../src/oci/repository-name.ts'
import type { RepositoryAction } from '../../src/registry/sign-in/scope.ts'
import { asPrincipal, openWorld, type World } from './world.ts'

const BLOB = digestOf('in secret')
const ID = '0'.repeat(32)

/** Rights of every client; the owner has all rights. */
let allowed: readonly string[] = []
let world: World
let upload: string
const as = asPrincipal
const only: Rights = {
  ...EVERYTHING,
  may: (right, name) => allowed.includes(`${right} ${formatRepositoryName(name)}`),
}

beforeAll(async () => {
  world = await openWorld({ rightsOf: (principal) => (principal === 'owner' ? EVERYTHING : only) })
  const path = `/v2/secret/web/blobs/uploads/?digest=${BLOB}`
  await world.send('POST', path, { headers: as('owner'), body: 'in secret' })
  const begun = await world.send('POST', '/v2/secret/web/blobs/uploads/', { headers: as('owner') })
  upload = begun.headers.location ?? ''
})
afterAll(() => world[Symbol.asyncDispose]())

const OPERATIONS: readonly [method: string, path: string, right: RepositoryAction][] = [
  ['GET', `/v2/secret/web/blobs/${BLOB}`, 'pull'],
  ['HEAD', `/v2/secret/web/blobs/${BLOB}`, 'pull'],
  ['GET', '/v2/secret/web/manifests/v1', 'pull'],
  ['HEAD', '/v2/secret/web/manifests/v1', 'pull'],
  ['GET', '/v2/secret/web/tags/list', 'pull'],
  ['GET', `/v2/secret/web/referrers/${BLOB}`, 'pull'],
  ['POST', '/v2/secret/web/blobs/uploads/', 'push'],
  ['POST', `/v2/secret/web/blobs/uploads/?digest=${BLOB}`, 'push'],
  ['POST', `/v2/secret/web/blobs/uploads/?mount=${BLOB}`, 'push'],
  ['GET', `/v2/secret/web/blobs/uploads/${ID}`, 'push'],
  ['PATCH', `/v2/secret/web/blobs/uploads/${ID}`, 'push'],
  ['PUT', `/v2/secret/web/blobs/uploads/${ID}?digest=${BLOB}`, 'push'],
  ['DELETE', `/v2/secret/web/blobs/uploads/${ID}`, 'push'],
  ['PUT', '/v2/secret/web/manifests/v1', 'push'],
  ['DELETE', `/v2/secret/web/blobs/${BLOB}`, 'delete'],
  ['DELETE', '/v2/secret/web/manifests/v1', 'delete'],
]
const RIGHTS: readonly RepositoryAction[] = ['pull', 'push', 'delete']

describe.each(OPERATIONS)('%s %s', (method, path, right) => {
  it(`needs the right to ${right}, and no other right is enough`, async () => {
    allowed = RIGHTS.filter((other) => other !== right).map((other) => `${other} secret/web`)
    const denied = await world.send(method, path)
    expect(denied.status).toBe(403)
    if (method !== 'HEAD') expect(denied.code).toBe('DENIED')
  })

  it(`is allowed with the right to ${right}`, async () => {
    allowed = [`${right} secret/web`, 'create secret/web']
    // the owner's requests change content that the other tests need
    const response = await world.send(method, path.replace(BLOB, digestOf('not there')))
    expect(response.status).not.toBe(403)
  })
})

describe('a client without the right', () => {
  it('cannot distinguish an existing repository from a missing one', async () => {
    allowed = []
    for (const [method, path] of OPERATIONS) {
      const there = await world.send(method, path)
      const absent = await world.send(method, path.replace('secret', 'nosuch'))
      expect(absent.status).toBe(there.status)
      expect(absent.text).toBe(there.text.replaceAll('secret', 'nosuch'))
    }
  })

  it('cannot use an upload even if it knows the id', async () => {
    allowed = ['push other/web', 'pull other/web']
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      expect((await world.send(method, upload)).status).toBe(403)
      const elsewhere = await world.send(method, upload.replace('secret', 'other'))
      expect([elsewhere.status, elsewhere.text.includes('secret')]).toEqual([404, false])
    }
    expect((await world.get(upload, as('owner'))).status).toBe(204)
  })

  it('can still request /v2/', async () => {
    allowed = []
    expect((await world.get('/v2/')).status).toBe(200)
  })
})
