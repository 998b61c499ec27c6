import { describe, expect, it } from 'vitest'
import { SYSTEM } from '../../../src/access/right/viewer.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { image, layer } from '../../fixtures/random-image.ts'
import {
  beforeTransactions,
  type CollectWorld,
  type Contents,
  DAY,
  leaveStray,
  openCollectWorld,
  storeWith,
} from './world.ts'

const app = (seed: string) => image({ seed, layers: [layer(seed)] })

/** Content of each kind that is removed, and some that is kept. */
async function open(): Promise<CollectWorld> {
  const world = await openCollectWorld({ policy: { untaggedAfter: 0 } })
  await world.push('shop/web', app('kept'), 'v1')
  await world.push('shop/web', app('untagged'))
  for (const text of ['a', 'b', 'c']) await world.pushBlob('shop/other', text)
  await leaveStray(world.blobs, 'stray')
  await world.send('PATCH', await world.startUpload('shop/web'), { body: 'abandoned' })
  world.pass(DAY + 1)
  return world
}

/** Runs a collection that ends at a step without a further effect. Reports whether it had so many steps. */
async function collectAndDie(
  world: CollectWorld,
  diesAt: (step: number, kind: 'transaction' | 'removal') => boolean,
): Promise<boolean> {
  let steps = 0
  let isDead = false
  const live = (kind: 'transaction' | 'removal'): void => {
    isDead ||= diesAt(steps++, kind)
    if (isDead) throw new Error('the process has died')
  }
  const blobs = storeWith(world.blobs, {
    async remove(digest, isWanted) {
      live('removal')
      return world.blobs.remove(digest, isWanted)
    },
  })
  let isStarted = false
  const db = beforeTransactions(world.domain.db, () => isStarted && live('transaction'))
  const collector = world.collectorOf({ db, blobs })
  isStarted = true
  await collector.collect(SYSTEM).catch(() => {})
  return isDead
}

describe('a collection that crashes', () => {
  it('at any step keeps all referenced content, and the next one completes it', async () => {
    const undisturbed = await collected()
    let deaths = 0
    for (let last = 0; ; last++) {
      await using world = await open()
      const died = await collectAndDie(world, (step) => step === last)
      const halfway = await world.contents()
      expect(halfway.files).toEqual(expect.arrayContaining([...halfway.blobs]))
      await expectServed(world)

      expect(await world.collectorOf({}).collect(SYSTEM)).toMatchObject({ message: null })
      expect(await world.contents()).toEqual(undisturbed)
      expect(await world.blobs.uploads()).toEqual([])
      if (!died) break
      deaths++
    }
    // each row and each file is a step
    expect(deaths).toBeGreaterThan(8)
  })

  it('between a row and its file keeps a blob that was pushed again', async () => {
    await using world = await open()
    await collectAndDie(world, (_, kind) => kind === 'removal')
    const { files, blobs } = await world.contents()
    const texts = ['a', 'b', 'c'].filter((text) => !blobs.includes(digestOf(text)))
    expect(texts).toHaveLength(3)
    expect(files).toEqual(expect.arrayContaining(texts.map((text) => digestOf(text))))
    await world.pushBlob('shop/web', 'b')

    await world.collector.collect(SYSTEM)

    expect((await world.get(`/v2/shop/web/blobs/${digestOf('b')}`)).text).toBe('b')
    expect((await world.contents()).files).not.toContain(digestOf('a'))
  })
})

async function collected(): Promise<Contents> {
  await using world = await open()
  await world.collector.collect(SYSTEM)
  return await world.contents()
}

async function expectServed(world: CollectWorld): Promise<void> {
  const { config, layers } = app('kept')
  expect(await world.status('shop/web/manifests/v1')).toBe(200)
  for (const { digest, bytes } of [config, ...layers]) {
    expect((await world.get(`/v2/shop/web/blobs/${digest}`)).bytes).toEqual(bytes)
  }
}
