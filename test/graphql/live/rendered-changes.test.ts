import { expect, it } from 'vitest'
import type { ChangeResult } from '../../../src/graphql/live/change-page.ts'
import { RenderedChanges } from '../../../src/graphql/live/rendered-changes.ts'

it('shares a rendered push for a second and then forgets it', async () => {
  let now = 0
  let renderings = 0
  const pushes = new RenderedChanges(() => now)
  const render = async (): Promise<ChangeResult> => ({
    sequence: ++renderings,
    recordedAt: 0,
    cursor: '',
    json: Buffer.from('{}'),
  })

  const first = await pushes.get('a', render)
  now = 400
  await pushes.get('b', render)
  now = 999
  expect(await pushes.get('a', render)).toBe(first)
  now = 1_000
  await pushes.get('c', render)
  expect(pushes.size).toBe(2)
  expect(await pushes.get('a', render)).not.toBe(first)
  now = 3_000
  await pushes.get('d', render)
  expect(pushes.size).toBe(1)
})
