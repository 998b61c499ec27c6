import { expect, test } from 'vitest'
import { PUSHED, type Pushed } from './documents.ts'
import { createEventStreamClient } from './recipes/event-stream.ts'
import { startWorld } from './world.ts'

test('graphql-sse follows pushes over a lost connection and a restart of the server without gap and duplicate', async () => {
  await using world = await startWorld()
  const client = createEventStreamClient(world.url, { retry: async () => {} })
  const since = await world.endOfLog()
  const pushes: [string, string][] = []
  const stop = client.subscribe<Pushed>(
    { query: PUSHED, variables: { since } },
    {
      next({ data }) {
        if (data) pushes.push([data.imagePushed.tag, data.imagePushed.image.digest])
      },
      error: () => {},
      complete: () => {},
    },
  )

  await world.push('1.0', 'second')
  await expect.poll(() => pushes.length).toBe(1)
  await world.door.closedDuring(async () => {
    await world.push('latest', 'second')
    await world.push('1.1', 'second')
  })
  await expect.poll(() => pushes.length).toBe(3)
  await world.server.restart()
  await world.push('latest', 'third')

  await expect.poll(() => pushes.length).toBe(4)
  expect(pushes).toEqual(await world.pushesSince(since))
  stop()
})
