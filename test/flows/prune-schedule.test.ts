import { Pool } from 'undici'
import { expect, it } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { clientOf } from '../registry/client.ts'

const HOUR = 60 * 60 * 1000

it('the server prunes by its settings, beginning at its start', async () => {
  let now = Date.UTC(2026, 0, 1)
  const settings = { pruneHours: 24, keepTagRevisions: 2, pruneYoungerThanMinutes: 90, collectHours: null }
  await using app = await startApp(settings, { now: () => now })
  const pool = new Pool(app.app.url)
  for (const seed of [1, 2, 3, 4, 5]) {
    now += HOUR
    await clientOf(pool).push('shop/web', image({ seed }), 'v1')
  }
  await pool.close()
  const entries = async (): Promise<number> => {
    const { imageStreamTag } = await app.client.request<{
      imageStreamTag: { items: { totalCount: number } }
    }>('{ imageStreamTag(namespace: "shop", name: "web:v1") { items { totalCount } } }')
    return imageStreamTag.items.totalCount
  }
  expect(await entries()).toBe(5)

  await app.restart()

  await expect.poll(entries).toBe(2)
})
