import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BackupSummary } from '../../src/operate/backup/backup.ts'
import { startApp } from '../fixtures/app.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { type Image, image, layer } from '../fixtures/random-image.ts'
import { randomNumbers } from '../fixtures/random-numbers.ts'
import { repeats, seedOf } from '../fixtures/seed.ts'
import { buildServer } from '../fixtures/server-process.ts'
import { endOfLog, pushLog } from '../flows/operations.ts'

const BACKUPS = repeats(3, 20)
const AT_ONCE = 4

interface Pushed {
  readonly repository: string
  readonly tag: string
  readonly image: Image
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-backups-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Pushes images with several clients until it is stopped. */
function pushUntilStopped(url: string, acknowledged: Pushed[]) {
  let [isStopped, count] = [false, 0]
  const client = new PushClient(url)
  const work = async (): Promise<void> => {
    while (!isStopped) {
      const seed = count++
      const layers = [layer('base'), layer(seed), layer(`${seed}`.repeat(5_000))]
      const pushed = {
        repository: `shop/app-${seed % 5}`,
        tag: `v${seed % 40}`,
        image: image({ seed, layers }),
      }
      await client.push(pushed, pushed.image, seed % 2 ? 'one POST' : 'POST and PUT')
      acknowledged.push(pushed)
    }
  }
  const working = Array.from({ length: AT_ONCE }, work)
  return async (): Promise<void> => {
    isStopped = true
    await Promise.all(working)
  }
}

/** Starts a server on a restored folder, and checks that it has all pushes, and that cursors of the first server have expired. */
async function expectRestored(dataFolder: string, pushes: readonly Pushed[], cursor: string): Promise<void> {
  await using restored = await startApp({ dataFolder })
  const entries = await pushLog(restored.client)
  const found = new Set(entries.map(({ tag, image }) => `${tag} ${image.digest}`))
  for (const { tag, image } of pushes) expect(found).toContain(`${tag} ${image.digest}`)

  const client = new PushClient(restored.app.url)
  for (const { repository, image } of pushes) {
    for (const { digest } of [image.config, ...image.layers]) {
      expect(await client.hasBlob(repository, digest)).toBe(true)
    }
  }
  const resume = 'query ($since: String) { imagePushes(since: $since, first: 1) { nodes { tag } } }'
  const { errors } = await restored.client.execute(resume, { since: cursor })
  expect(errors?.map(({ extensions }) => extensions?.code)).toEqual(['CURSOR_EXPIRED'])
}

test(`${BACKUPS} backups of a server under load restore completely, with every push from before`, async () => {
  const build = await buildServer()
  const [DATA, backup] = [join(folder, 'data'), join(folder, 'backup')]
  const random = randomNumbers(seedOf('backups'))
  const acknowledged: Pushed[] = []
  await using server = await build.start({ DATA })
  await using client = connect(server.url)
  const stop = pushUntilStopped(server.url, acknowledged)
  let [blobs, cursor] = [0, '']
  try {
    for (let run = 0; run < BACKUPS; run++) {
      await delay(200 + random() * 500)
      if (run % 3 === 1) {
        // ended at a random point: the next one continues
        const killed = build.spawn({ DATA }, ['backup', backup])
        await delay(100 + random() * 900)
        killed.kill('SIGKILL')
        await killed.ended
      }
      const before = acknowledged.slice()

      const hasKey = run % 2 === 1
      const flags = hasKey ? ['--json', '--with-key'] : ['--json']
      const { end, stdout, stderr } = await build.run({ DATA }, ['backup', backup, ...flags])

      expect(end).toBe(0)
      expect(stderr.includes('keep their key')).toBe(!hasKey)
      const summary = JSON.parse(stdout) as BackupSummary
      expect(summary).toMatchObject({ version: 1, lostBlobs: [], hasKey })
      const metrics = await (await fetch(`${server.url}/metrics`)).text()
      expect(metrics).toContain(
        `imagestreams_backup_last_success_timestamp_seconds ${Date.parse(summary.takenAt) / 1000}\n`,
      )
      expect(summary.copiedBlobCount).toBeLessThanOrEqual(summary.blobCount - (run > 0 ? blobs / 2 : 0))
      blobs = summary.blobCount

      const restored = join(folder, `restored-${run}`)
      const result = await build.run({ DATA: restored }, ['restore', backup, '--json'])
      expect(result.end).toBe(0)
      expect(JSON.parse(result.stdout)).toMatchObject({ blobCount: summary.blobCount, lostBlobs: [] })
      if (!hasKey) copyFileSync(join(DATA, 'credentials.key'), join(restored, 'credentials.key'))
      cursor = await endOfLog(client)
      await expectRestored(restored, before, cursor)
      rmSync(restored, { recursive: true, force: true })
    }
  } finally {
    await stop()
  }
  expect(acknowledged.length).toBeGreaterThan(BACKUPS)

  // and one of a server that was killed
  server.kill('SIGKILL')
  await server.ended
  expect(await build.run({ DATA }, ['backup', backup, '--verify', '--with-key'])).toMatchObject({ end: 0 })
  const restored = join(folder, 'restored')
  expect(await build.run({ DATA: restored }, ['restore', backup])).toMatchObject({ end: 0 })
  await expectRestored(restored, acknowledged, cursor)
})
