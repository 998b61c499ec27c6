import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EVERYTHING } from '../../src/access/right/rights.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { formatRepositoryName } from '../../src/oci/repository-name.ts'
import type { Answer } from './client.ts'
import { asPrincipal, openWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld({
    rightsOf: (principal, sets) =>
      principal === 'owner'
        ? EVERYTHING
        : sets.rightsOf(
            ['shop', 'default'].map((namespace) => ({ role: 'EDITOR', namespace, streams: '*' })),
          ),
  })
})
afterAll(() => world[Symbol.asyncDispose]())

let targets = 0
const target = (): string => `shop/target${++targets}`
const mount = (to: string, query: string): Promise<Answer> =>
  world.send('POST', `/v2/${to}/blobs/uploads/?${query}`)

async function pushSecretly(text: string): Promise<string> {
  const digest = digestOf(text)
  const path = `/v2/secret/web/blobs/uploads/?digest=${digest}`
  const { status } = await world.send('POST', path, {
    headers: asPrincipal('owner'),
    body: text,
  })
  expect(status).toBe(201)
  return digest
}

/** A response without the parts that differ each time. */
const shape = ({ status, headers, text }: Answer) => [status, Object.keys(headers), text]

describe('a mount', () => {
  it('links the blob without copying bytes, and starts its lease', async () => {
    const digest = await world.pushBlob('shop/source', 'mounted')
    const to = target()
    world.domain.time += 5000

    const response = await mount(to, `mount=${digest}&from=shop/source`)

    expect([response.status, response.headers.location]).toEqual([201, `/v2/${to}/blobs/${digest}`])
    expect(response.headers['docker-content-digest']).toBe(digest)
    const { id = 0 } = world.content.repository({ namespace: 'shop', name: to.slice(5) }) ?? {}
    expect(world.content.blob(id, digest)).toEqual({ size: 7, confirmedAt: world.domain.time })
  })

  it('from a repository of one part uses the namespace "default"', async () => {
    const digest = await world.pushBlob('base', 'of the base')
    expect((await mount(target(), `mount=${digest}&from=base`)).status).toBe(201)
    expect((await mount(target(), `mount=${digest}&from=default%2Fbase`)).status).toBe(201)
  })

  it('into the repository that already has the blob succeeds', async () => {
    const digest = await world.pushBlob('shop/self', 'itself')
    expect((await mount('shop/self', `mount=${digest}&from=shop/self`)).status).toBe(201)
  })

  it.each([
    ['the repository has another blob', 'from=shop/source'],
    ['there is no such repository', 'from=shop/nowhere'],
    ['no repository can have the name', 'from=a/b/c'],
    ['the name breaks the grammar', 'from=..%2F..%2Fetc'],
    ['the name is empty', 'from='],
  ])('starts an upload instead where %s', async (_, from) => {
    await world.pushBlob('shop/source', 'another')
    const response = await mount(target(), `mount=${digestOf('not there')}&${from}`)
    expect(response.status).toBe(202)
    expect((await world.get(response.headers.location ?? '')).status).toBe(204)
  })

  it('is rejected for an invalid digest', async () => {
    const response = await mount(target(), 'mount=sha256:x&from=shop/source')
    expect([response.status, response.code]).toEqual([400, 'DIGEST_INVALID'])
  })

  it('starts an upload when the blob is deleted in its source', async () => {
    const digest = await world.pushBlob('shop/emptied', 'deleted')
    await world.delete(`/v2/shop/emptied/blobs/${digest}`)
    expect((await mount(target(), `mount=${digest}&from=shop/emptied`)).status).toBe(202)
    expect((await mount(target(), `mount=${digest}`)).status).toBe(202)
  })
})

describe('a blob that the caller may not pull', () => {
  it.each(['&from=secret/web', ''])('cannot be mounted, as if it did not exist, with "%s"', async (from) => {
    const digest = await pushSecretly('kept to ourselves')
    const to = target()

    const secret = await mount(to, `mount=${digest}${from}`)

    expect(secret.status).toBe(202)
    expect(shape(secret)).toEqual(shape(await mount(to, `mount=${digestOf('nowhere')}${from}`)))
    expect((await world.get(`/v2/${to}/blobs/${digest}`)).status).toBe(404)
  })

  it('is mounted from a repository that the caller may pull', async () => {
    const digest = await pushSecretly('in both')
    await world.pushBlob('shop/both', 'in both')
    expect((await mount(target(), `mount=${digest}&from=shop/both`)).status).toBe(201)
  })

  it('is not looked for without "from", unless the caller sees every repository', async () => {
    const digest = await world.pushBlob('shop/anywhere', 'anywhere')
    expect((await mount(target(), `mount=${digest}`)).status).toBe(202)
    const path = `/v2/${target()}/blobs/uploads/?mount=${digest}`
    expect((await world.send('POST', path, { headers: asPrincipal('owner') })).status).toBe(201)
  })

  it('is not served by its digest, and a push needs its bytes', async () => {
    const digest = await pushSecretly('all of it')
    const to = target()
    expect((await world.get(`/v2/${to}/blobs/${digest}`)).status).toBe(404)
    const location = await world.startUpload(to)
    expect((await world.put(`${location}?digest=${digest}`, 'not it')).status).toBe(400)
    expect((await world.head(`/v2/${to}/blobs/${digest}`)).status).toBe(404)
    await world.pushBlob(to, 'all of it')
    expect((await world.get(`/v2/${to}/blobs/${digest}`)).text).toBe('all of it')
  })
})

describe('the access check of a mount', () => {
  it('receives the names of both repositories', async () => {
    const checks: string[] = []
    await using watched = await openWorld({
      rightsOf: () => ({
        ...EVERYTHING,
        may(right, name) {
          checks.push(`${right} ${formatRepositoryName(name)}`)
          return true
        },
      }),
    })
    const digest = await watched.pushBlob('shop/source', 'watched')
    checks.length = 0
    await watched.send('POST', `/v2/shop/to/blobs/uploads/?mount=${digest}&from=shop/source`)
    expect(checks).toEqual(['push shop/to', 'create shop/to', 'pull shop/source', 'create shop/to'])
  })
})
