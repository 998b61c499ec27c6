import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cannotBuild, ImageStorage } from '../fixtures/buildah.ts'
import { cannotRunContainerd, startContainerd } from '../fixtures/containerd.ts'
import { missingPrograms } from '../fixtures/programs.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { cannotLogin, LoginHome } from '../fixtures/registry-login.ts'
import { hostOf, type SignedInApp, startSignedInApp } from '../fixtures/signed-in-app.ts'
import { Shelf } from '../fixtures/skopeo.ts'

const GRANT = `mutation {
  grantRole(input: { subjectKind: EVERYONE, role: PULLER, place: "public/*" }) { grant { id } } }`
const web = image({ seed: 'web' })
const missing = {
  skopeo: missingPrograms('skopeo'),
  containerd: cannotRunContainerd(),
  podman: cannotBuild(),
  docker: cannotLogin(),
}

/** Everyone may pull from `public`, and no one without a credential from `team`. */
let app: SignedInApp
beforeAll(async () => {
  app = await startSignedInApp()
  await app.as('admin').request(GRANT)
  const admin = new PushClient(app.url, { headers: app.headersOf('admin') })
  for (const repository of ['public/web', 'team/web'])
    await admin.push({ repository, tag: 'v1' }, web, 'one POST')
})
afterAll(() => app[Symbol.asyncDispose]())

const REFUSED = /unauthorized|authentication required|denied|401/i
const titleOf = (client: keyof typeof missing): string =>
  missing[client] === undefined ? client : `${client}: ${missing[client]}`

describe('a client without a credential pulls what is granted to everyone, and is refused to push and to pull the rest', () => {
  test.skipIf(missing.skopeo !== undefined)(titleOf('skopeo'), async () => {
    await using home = await LoginHome.open()
    await using shelf = await Shelf.open()
    const plain = ['--src-tls-verify=false', '--dest-tls-verify=false']
    const copy = (from: string, to: string) =>
      home.run('skopeo', ['--insecure-policy', 'copy', ...plain, from, to])
    const at = (name: string) => `docker://${hostOf(app)}/${name}`

    expect(await copy(at('public/web:v1'), `dir:${shelf.path('pulled')}`)).toMatchObject({ code: 0 })
    expect(await home.run('skopeo', ['list-tags', '--tls-verify=false', at('public/web')])).toMatchObject({
      code: 0,
      output: expect.stringContaining('v1'),
    })
    const from = await shelf.put('web', web)
    for (const refused of [
      await copy(from, at('public/web:v2')),
      await copy(from, at('public/new:v1')),
      await copy(at('team/web:v1'), `dir:${shelf.path('secret')}`),
      await home.run('skopeo', ['delete', '--tls-verify=false', at('public/web:v1')]),
    ])
      expect([refused.code, refused.output]).toEqual([1, expect.stringMatching(REFUSED)])
  })

  test.skipIf(missing.containerd !== undefined)(titleOf('containerd'), async () => {
    await using containerd = await startContainerd()
    const pull = (name: string) =>
      containerd.ctr('content', 'fetch', '--plain-http', `${hostOf(app)}/${name}`)

    expect(await pull('public/web:v1')).toMatchObject({ code: 0 })
    const refused = await pull('team/web:v1')
    expect([refused.code, refused.output]).toEqual([1, expect.stringMatching(REFUSED)])
  })

  test.skipIf(missing.podman !== undefined)(titleOf('podman'), async () => {
    await using storage = await ImageStorage.open()
    const plain = ['--tls-verify=false']
    const own = `${hostOf(app)}/public/web:v1`

    await storage.build('localhost/web', { layers: [{ from: 'package.json', to: '/package.json' }] })
    await storage.podman('pull', ...plain, own)
    await expect(storage.podman('pull', ...plain, `${hostOf(app)}/team/web:v1`)).rejects.toThrow(REFUSED)
    for (const program of ['podman', 'buildah'] as const) {
      const pushed = storage[program](
        'push',
        ...plain,
        'localhost/web',
        `docker://${hostOf(app)}/public/web:v2`,
      )
      await expect(pushed).rejects.toThrow(REFUSED)
    }
  })

  // docker pulls by its daemon, and reads manifests by itself
  test.skipIf(missing.docker !== undefined)(titleOf('docker'), async () => {
    await using home = await LoginHome.open()
    const inspect = (name: string) =>
      home.run('docker', ['manifest', 'inspect', '--insecure', `${hostOf(app)}/${name}`])
    expect(await inspect('public/web:v1')).toMatchObject({ code: 0 })
    const refused = await inspect('team/web:v1')
    expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('no such manifest')])
  })

  test('and has changed nothing', async () => {
    const tags = await fetch(`${app.url}/v2/public/web/tags/list`)
    expect(await tags.json()).toEqual({ name: 'public/web', tags: ['v1'] })
  })
})
