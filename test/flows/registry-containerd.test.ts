import { describe, expect, test } from 'vitest'
import { type Containerd, cannotRunContainerd, startContainerd } from '../fixtures/containerd.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { hostOf, secretOf, startSignedInApp } from '../fixtures/signed-in-app.ts'

const missing = cannotRunContainerd()

/** Runs containerd's client against a server of plain HTTP; pulls without creating a file system. */
const clientOf = ({ ctr }: Containerd, host: string) => {
  const login = (secret: string | undefined) => [
    '--plain-http',
    ...(secret ? ['-u', `anyone:${secret}`] : []),
  ]
  return {
    pull: (name: string, secret?: string) => ctr('content', 'fetch', ...login(secret), `${host}/${name}`),
    push: (name: string, from: string, secret?: string) =>
      ctr('images', 'push', ...login(secret), `${host}/${name}`, `${host}/${from}`),
  }
}

describe.skipIf(missing !== undefined)(`containerd${missing ? `: ${missing}` : ''}`, () => {
  test('signs in with an access token, pulls and pushes where the token may, and is refused elsewhere', async () => {
    await using app = await startSignedInApp({ tokenRole: 'BUILDER' })
    await using containerd = await startContainerd()
    const { pull, push } = clientOf(containerd, hostOf(app))
    const pushed = new PushClient(app.url, { headers: app.headersOf('member') })
    await pushed.push({ repository: 'team/web', tag: 'v1' }, image({ seed: 'web' }), 'one POST')
    const token = secretOf(app, 'token')

    expect(await pull('team/web:v1', token)).toMatchObject({ code: 0 })
    // asks for pull first, and for push after a challenge with the wider scope
    expect(await push('team/web:v2', 'team/web:v1', token)).toMatchObject({ code: 0 })
    expect(await push('team/new:v1', 'team/web:v1', token)).toMatchObject({ code: 0 })
    expect(await push('other/web:v1', 'team/web:v1', token)).toMatchObject({
      code: 1,
      output: expect.stringContaining('403 Forbidden'),
    })
    for (const secret of [undefined, 'ist_wrong', secretOf(app, 'stranger')]) {
      const status = secret === secretOf(app, 'stranger') ? '403 Forbidden' : '401 Unauthorized'
      for (const refused of [
        await pull('team/web:v1', secret),
        await push('team/web:v3', 'team/web:v1', secret),
      ]) {
        expect([refused.code, refused.output]).toEqual([1, expect.stringContaining(status)])
      }
    }
  })
})
