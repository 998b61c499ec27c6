import { describe, expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { cannotBuild, ImageStorage } from '../fixtures/buildah.ts'
import { missingPrograms } from '../fixtures/programs.ts'
import { image } from '../fixtures/random-image.ts'
import { cannotLogin, LoginHome } from '../fixtures/registry-login.ts'
import { hostOf, secretOf, startSignedInApp } from '../fixtures/signed-in-app.ts'
import { Shelf } from '../fixtures/skopeo.ts'

const missing = missingPrograms('skopeo')
const noDocker = cannotLogin()
const noBuild = cannotBuild()
const web = image({ seed: 'web' })

describe.skipIf(missing !== undefined)(`skopeo${missing ? `: ${missing}` : ''}`, () => {
  const copy = (home: LoginHome, from: string, to: string) =>
    home.run('skopeo', [
      '--insecure-policy',
      'copy',
      ...['--src-tls-verify=false', '--dest-tls-verify=false', from, to],
    ])

  test('signs in with an access token, pushes and pulls where the token may, and is refused elsewhere', async () => {
    await using app = await startSignedInApp({ tokenRole: 'BUILDER' })
    await using home = await LoginHome.open()
    await using shelf = await Shelf.open()
    const from = await shelf.put('web', web)
    const at = (name: string) => `docker://${hostOf(app)}/${name}`

    expect(await home.login('skopeo', hostOf(app), secretOf(app, 'token'))).toMatchObject({
      code: 0,
      output: expect.stringContaining('Login Succeeded'),
    })
    expect(await copy(home, from, at('team/web:v1'))).toMatchObject({ code: 0 })
    expect(await copy(home, at('team/web:v1'), `dir:${shelf.path('pulled')}`)).toMatchObject({ code: 0 })
    expect(await copy(home, at('team/web:v1'), at('team/copy:v1'))).toMatchObject({ code: 0 })

    const elsewhere = await copy(home, from, at('other/web:v1'))
    expect(elsewhere.code).not.toBe(0)
    expect(elsewhere.output).toMatch(/forbidden|denied|unauthorized/i)
    const removed = await home.run('skopeo', ['delete', '--tls-verify=false', at('team/web:v1')])
    expect(removed.code).not.toBe(0)
  })

  test('is refused without a credential, with a wrong one, and as a person without rights there', async () => {
    await using app = await startSignedInApp({ tokenRole: 'BUILDER' })
    await using home = await LoginHome.open()
    await using shelf = await Shelf.open()
    const from = await shelf.put('web', web)
    const to = `docker://${hostOf(app)}/team/web:v1`

    expect((await copy(home, from, to)).output).toMatch(/unauthorized|authentication required/i)
    expect(await home.login('skopeo', hostOf(app), 'ist_wrong')).toMatchObject({
      code: 1,
      output: expect.stringContaining('invalid username/password'),
    })
    expect(await home.login('skopeo', hostOf(app), secretOf(app, 'stranger'))).toMatchObject({ code: 0 })
    const refused = await copy(home, from, to)
    expect([refused.code, /forbidden|denied/i.test(refused.output)]).toEqual([1, true])
  })

  test('uses a session of a person, until it ends', async () => {
    await using app = await startSignedInApp()
    await using home = await LoginHome.open()
    await using shelf = await Shelf.open()
    const from = await shelf.put('web', web)
    const to = `docker://${hostOf(app)}/team/web:v1`
    expect(await home.login('skopeo', hostOf(app), secretOf(app, 'member'))).toMatchObject({ code: 0 })
    expect(await copy(home, from, to)).toMatchObject({ code: 0 })

    await fetch(`${app.url}/sign-out`, { method: 'POST', headers: app.headersOf('member') })

    expect((await copy(home, from, to)).code).not.toBe(0)
  })
})

describe.skipIf(noDocker !== undefined)(`docker${noDocker ? `: ${noDocker}` : ''}`, () => {
  test('signs in with an access token, and shows why another password is not valid', async () => {
    await using app = await startSignedInApp()
    await using home = await LoginHome.open()
    expect(await home.login('docker', hostOf(app), secretOf(app, 'token'))).toMatchObject({
      code: 0,
      output: expect.stringContaining('Login Succeeded'),
    })
    const refused = await home.login('docker', hostOf(app), 'ist_wrong')
    expect([refused.code, refused.output]).toEqual([
      1,
      expect.stringContaining('unauthorized: the credential'),
    ])
  })

  test('shows that an open server has no sign-in', async () => {
    await using app = await startApp()
    await using home = await LoginHome.open()
    const refused = await home.login('docker', `localhost:${new URL(app.app.url).port}`, 'anything')
    expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('no sign-in configured')])
  })
})

describe.skipIf(noBuild !== undefined)(`podman and buildah${noBuild ? `: ${noBuild}` : ''}`, () => {
  test.each(['podman', 'buildah'] as const)(
    '%s signs in, pushes and pulls, and is refused',
    async (program) => {
      await using app = await startSignedInApp({ tokenRole: 'BUILDER' })
      await using home = await LoginHome.open()
      await using storage = await ImageStorage.open()
      await storage.build('localhost/web', { layers: [{ from: 'package.json', to: '/package.json' }] })
      const host = hostOf(app)
      const creds = (secret: string) => ['--tls-verify=false', '--creds', `anyone:${secret}`]
      const token = secretOf(app, 'token')
      const run = (...args: string[]) => storage[program](...args)

      expect(await home.login(program, host, token)).toMatchObject({ code: 0 })
      await run('push', ...creds(token), 'localhost/web', `docker://${host}/team/web:v1`)
      await run('pull', ...creds(token), `docker://${host}/team/web:v1`)
      for (const [secret, name] of [
        [token, 'other/web'],
        ['ist_wrong', 'team/web'],
      ] as const) {
        await expect(
          run('push', ...creds(secret), 'localhost/web', `docker://${host}/${name}:v1`),
        ).rejects.toThrow(/forbidden|denied|unauthorized|invalid username/i)
      }
    },
  )
})
