import { expect, test } from 'vitest'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { startSignedInApp } from '../fixtures/signed-in-app.ts'
import { pushLog } from './operations.ts'

const DAY = 24 * 60 * 60 * 1000

test('a clock that jumps ends no session or token early, and changes neither the order of pushes nor the audit chain', async () => {
  let now = Date.now()
  await using server = await startSignedInApp({ overrides: { now: () => now } })
  const admin = server.as('admin')
  const push = (tag: string) =>
    new PushClient(server.url, { headers: server.headersOf('admin') }).push(
      { repository: 'team/app', tag },
      image({ seed: tag }),
      'one POST',
    )
  const mint = async (expiresAt: number) =>
    (
      await admin.request<{ createAccessToken: { secret: string } }>(
        `mutation ($at: DateTime) { createAccessToken(input: {
           name: "t", grants: [{ role: PULLER, place: "team/*" }], expiresAt: $at }) { secret } }`,
        { at: new Date(expiresAt).toISOString() },
      )
    ).createAccessToken.secret
  const statusOf = async (secret = '') =>
    (await fetch(`${server.url}/v2/`, { headers: { authorization: `Bearer ${secret}` } })).status

  const token = await mint(now + 2 * DAY)
  const days = [0, 3, -400, 0]
  const statuses: number[] = []
  for (const [at, jump] of days.entries()) {
    now = Date.now() + jump * DAY
    await push(`v${at}`)
    statuses.push(await statusOf(token))
  }
  expect(statuses).toEqual([200, 401, 200, 200])
  expect((await pushLog(admin)).map(({ tag }) => tag)).toEqual(days.map((_day, at) => `v${at}`))
  expect(await statusOf(server.secrets.member)).toBe(200)
  const { auditVerification } = await admin.request<{ auditVerification: object }>(
    '{ auditVerification { isIntact brokenPosition } }',
  )
  expect(auditVerification).toEqual({ isIntact: true, brokenPosition: null })
})
