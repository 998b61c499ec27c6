import { expect, it } from 'vitest'
import { RateLimitedError } from '../../src/access/right/errors.ts'
import { asPrincipal, openWorld } from './world.ts'

it('a client with too many requests gets TOOMANYREQUESTS with Retry-After, by its principal', async () => {
  await using world = await openWorld({
    admit({ id }) {
      if (id === 'flood') throw new RateLimitedError('at most 60000 requests are allowed in a minute', 7)
    },
  })
  const list = (principal: string) =>
    world.send('GET', '/v2/team/app/tags/list', { headers: asPrincipal(principal) })
  const refused = await list('flood')

  expect(refused.status).toBe(429)
  expect(refused.headers['retry-after']).toBe('7')
  expect(refused.json).toMatchObject({ errors: [{ code: 'TOOMANYREQUESTS' }] })
  expect((await list('other')).status).toBe(404)
})
