import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { backUp } from '../../src/operate/backup/backup.ts'
import { restore } from '../../src/operate/restore/restore.ts'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { randomNumbers } from '../fixtures/random-numbers.ts'
import { repeats, seedOf } from '../fixtures/seed.ts'
import { Follower } from '../flows/follower.ts'
import { endOfLog, type Push } from '../flows/operations.ts'

const RESTORES = repeats(4, 20, 60)

/** Pushes images that were not pushed before. */
async function push({ app }: TestApp, { next, count }: { next: () => number; count: number }): Promise<void> {
  const client = new PushClient(app.url)
  for (let at = 0; at < count; at++) {
    const seed = next()
    await client.push({ repository: 'shop/app', tag: `v${seed % 7}` }, image({ seed }), 'one POST')
  }
}

/** Returns the next so many pushes after a cursor, or the code of the error by which the subscription ends. */
async function received({ app }: TestApp, since: string, count: number): Promise<Push[] | string> {
  using follower = await Follower.start(app.url, { since })
  const pushes: Push[] = []
  try {
    while (pushes.length < count) {
      const { value, done } = await follower.next()
      if (done) break
      pushes.push(value)
    }
    return pushes
  } catch (error) {
    return (
      /CURSOR_EXPIRED/.exec(JSON.stringify(error, Object.getOwnPropertyNames(error)))?.[0] ?? String(error)
    )
  }
}

test(`a subscriber notices each of ${RESTORES} restores of a backup from a random point, also after as many other pushes`, async () => {
  const random = randomNumbers(seedOf('restore'))
  const choose = (count: number): number => Math.floor(random() * count)
  const root = mkdtempSync(join(tmpdir(), 'imagestreams-restores-'))
  let seed = 0
  const next = (): number => seed++
  let dataFolder = join(root, 'data')
  for (let run = 0; run < RESTORES; run++) {
    const folder = join(root, `backup-${run}`)
    const old: string[] = []
    let lost = 0
    {
      await using server = await startApp({ dataFolder })
      await push(server, { next, count: 1 + choose(4) })
      old.push(await endOfLog(server.client))
      await backUp({ dataFolder, folder, verify: false, withKey: true, onBlob() {}, now: Date.now })
      lost = 1 + choose(4)
      for (let at = 0; at < lost; at++) {
        await push(server, { next, count: 1 })
        old.push(await endOfLog(server.client))
      }
    }
    const restored = join(root, `data-${run}`)
    await restore({ folder, dataFolder: restored, onBlob() {} })
    rmSync(dataFolder, { recursive: true, maxRetries: 5 })
    dataFolder = restored

    await using server = await startApp({ dataFolder })
    const now = await endOfLog(server.client)
    for (let pushed = 0; pushed <= lost + 1; pushed++) {
      for (const cursor of old) expect(await received(server, cursor, 1)).toBe('CURSOR_EXPIRED')
      await push(server, { next, count: 1 })
    }
    expect(await received(server, now, lost + 2)).toHaveLength(lost + 2)
  }
  rmSync(root, { recursive: true, maxRetries: 5 })
})
