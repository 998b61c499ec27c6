import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Layout } from '../../src/blobs/layout.ts'
import { holdRemovals } from '../../src/collect/blobs/removal-hold.ts'
import { backUp } from '../../src/operate/backup/backup.ts'
import { type RestoreSummary, restore } from '../../src/operate/restore/restore.ts'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { type Image, image, layer } from '../fixtures/random-image.ts'

const imageOf = (seed: string): Image => image({ seed, layers: [layer('base'), layer(seed)] })

let root: string
let server: TestApp
let data: string
let folder: string
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'imagestreams-backup-'))
  data = join(root, 'data')
  folder = join(root, 'backup')
  server = await startApp({ dataFolder: data })
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(root, { recursive: true, force: true })
})

const push = async (...seeds: readonly string[]): Promise<void> => {
  const client = new PushClient(server.app.url)
  for (const seed of seeds)
    await client.push({ repository: 'team/app', tag: seed }, imageOf(seed), 'one POST')
}
const makeBackup = (changes: { verify?: boolean; withKey?: boolean; folder?: string } = {}) =>
  backUp({ dataFolder: data, folder, verify: false, withKey: true, onBlob() {}, now: Date.now, ...changes })
const restoreTo = (name: string): Promise<RestoreSummary> =>
  restore({ folder, dataFolder: join(root, name), onBlob() {} })

/** Reports which images a server on a restored folder has completely. */
async function imagesIn(name: string, seeds: readonly string[]): Promise<string[]> {
  await using restored = await startApp({ dataFolder: join(root, name) })
  const client = new PushClient(restored.app.url)
  const found: string[] = []
  for (const seed of seeds) {
    if (await client.has({ repository: 'team/app', tag: seed }, imageOf(seed))) found.push(seed)
  }
  return found
}

describe('a backup', () => {
  it('has all content, and a later one copies only what is new', async () => {
    await push('one', 'two')
    // a shared layer, and for each image a layer and a config
    expect(await makeBackup()).toMatchObject({ blobCount: 5, copiedBlobCount: 5, removedBlobCount: 0 })
    expect(await makeBackup()).toMatchObject({ blobCount: 5, copiedBlobCount: 0 })
    await push('three')
    expect(await makeBackup()).toMatchObject({ blobCount: 7, copiedBlobCount: 2, lostBlobs: [] })

    expect(await restoreTo('restored')).toMatchObject({ blobCount: 7, lostBlobs: [], hasKey: true })
    expect(await imagesIn('restored', ['one', 'two', 'three', 'four'])).toEqual(['one', 'two', 'three'])
  })

  it('is for its owner only, and has one database and no unfinished file', async () => {
    await push('one')
    await makeBackup()
    await makeBackup()

    expect(readdirSync(folder).sort()).toEqual([
      ...['backup.json', 'backup.lock', 'blobs', 'credentials.key'],
      expect.stringMatching(/^imagestreams-\d{14}-[0-9a-f]{8}\.db$/),
    ])
    expect(statSync(folder).mode & 0o077).toBe(0)
  })

  it('stays the earlier one until the next is complete, whatever an interrupted one left', async () => {
    await push('one')
    await makeBackup()
    await push('two')
    // as after a kill: a snapshot and some content, but no description
    const part = join(folder, 'imagestreams-20260101000000-00000000.db')
    writeFileSync(part, 'a part')
    mkdirSync(join(folder, 'unfinished'))
    writeFileSync(join(folder, 'unfinished', 'sha256-00'), 'a part')
    expect(await restoreTo('earlier')).toMatchObject({ blobCount: 3 })
    expect(await imagesIn('earlier', ['one', 'two'])).toEqual(['one'])

    expect(await makeBackup()).toMatchObject({ copiedBlobCount: 2 })

    expect([existsSync(part), existsSync(join(folder, 'unfinished'))]).toEqual([false, false])
    await restoreTo('later')
    expect(await imagesIn('later', ['one', 'two'])).toEqual(['one', 'two'])
  })

  it('reports content that is lost in the data folder, and keeps it if an earlier backup has it', async () => {
    await push('one')
    await makeBackup()
    await push('two')
    const [kept, lost] = [imageOf('one').config.digest, imageOf('two').config.digest]
    for (const digest of [kept, lost]) truncateSync(new Layout(data).blob(digest), 1)

    expect(await makeBackup()).toMatchObject({ lostBlobs: [lost] })

    expect(await restoreTo('restored')).toMatchObject({ lostBlobs: [lost] })
    expect(await imagesIn('restored', ['one'])).toEqual(['one'])
  })

  it('that was damaged is found by --verify, and by a restore', async () => {
    await push('one')
    await makeBackup()
    const { digest, bytes } = imageOf('one').config
    writeFileSync(new Layout(folder).blob(digest), Buffer.alloc(bytes.length))
    expect(await makeBackup()).toMatchObject({ copiedBlobCount: 0 })
    expect(await restoreTo('damaged')).toMatchObject({ lostBlobs: [digest] })
    expect(await makeBackup({ verify: true })).toMatchObject({ copiedBlobCount: 1, lostBlobs: [] })
    expect(await restoreTo('whole')).toMatchObject({ lostBlobs: [] })

    const [database = ''] = readdirSync(folder).filter((name) => name.endsWith('.db'))
    truncateSync(join(folder, database), 8192)
    await expect(restoreTo('never')).rejects.toThrow('is not as it was written')
  })

  it('drops content that the server no longer has, after the new backup is complete', async () => {
    await push('one')
    await makeBackup()
    const layout = new Layout(folder)
    const old = `sha256:${'ab'.repeat(32)}` as never
    mkdirSync(layout.blobFolder(old), { recursive: true })
    writeFileSync(layout.blob(old), 'of an image that was removed')

    expect(await makeBackup()).toMatchObject({ removedBlobCount: 1 })
    expect(existsSync(layout.blobFolder(old))).toBe(false)
  })

  it('without the key says so: a restored server needs it', async () => {
    await push('one')
    expect(await makeBackup({ withKey: false })).toMatchObject({ hasKey: false })
    expect(await restoreTo('restored')).toMatchObject({ hasKey: false })
    await expect(startApp({ dataFolder: join(root, 'restored') })).rejects.toThrow('Put that key back')
  })
})

describe('a folder is refused', () => {
  it('for a backup when it has other files, is inside of the data folder, or is used by another backup', async () => {
    const diary = join(root, 'diary')
    mkdirSync(diary)
    writeFileSync(join(diary, 'today.txt'), 'sunny')
    await expect(makeBackup({ folder: diary })).rejects.toThrow('files of something else (today.txt)')
    await expect(makeBackup({ folder: join(data, 'backup') })).rejects.toThrow('is inside of')
    await expect(makeBackup({ folder: root })).rejects.toThrow('is inside of')

    using _hold = holdRemovals(data, 0)
    await expect(makeBackup()).rejects.toThrow(`another backup of ${data} runs`)
  })

  it('for a restore when it is not empty, and as a source when it has no complete backup', async () => {
    await expect(restoreTo('new')).rejects.toThrow('has no complete backup')
    await makeBackup()
    await expect(restoreTo('data')).rejects.toThrow(/data is not empty \(.*move the folder away/)
  })
})
