import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { MOVED_TOGETHER } from '../../src/imagestream/record/record-followers.ts'
import { eventually } from '../fixtures/eventually.ts'
import { image } from '../fixtures/random-image.ts'
import { FollowWorld, following, one, two } from './follow-world.ts'

const COUNT = 3 * MOVED_TOGETHER + 7
const three = image({ seed: 3 })

let folder: string
let world: FollowWorld
const open = () => new FollowWorld({ file: join(folder, 'imagestreams.db') })
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-followers-'))
  world = open()
  world.push(one, 'base:1')
  const names = Array.from({ length: COUNT }, (_, at) => `t${at}`)
  world.createWith(
    'app',
    names.map((name) => following(name, 'base:1')),
  )
  world.createWith('last', [following('1', `app:${names.at(-1)}`)])
})
afterEach(async () => {
  await world[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

/** Number of tags of the stream that point to the image. */
const countOf = (digest: string, stream = 'app'): number =>
  world.db
    .prepare<{ count: number }>(
      `select count(*) as count from tags t join image_streams s on s.id = t.stream_id
         join images i on i.id = t.newest_image_id where s.name = ? and i.digest = ?`,
    )
    .get(stream, digest)?.count ?? 0

it('a tag with many followers moves some of them with it, and the others in later transactions', async () => {
  world.push(two, 'base:1')
  expect(countOf(two.digest)).toBe(MOVED_TOGETHER)

  await eventually(() => expect(countOf(two.digest)).toBe(COUNT))
  await eventually(() => expect(countOf(two.digest, 'last')).toBe(1))
  expect(world.internalErrors).toEqual([])
})

it('followers that wait get the newest image, and each image once', async () => {
  world.push(two, 'base:1')
  world.push(three, 'base:1')

  await eventually(() => expect(countOf(three.digest)).toBe(COUNT))
  expect(world.digestsOf('app:t0')).toEqual([three, two, one].map(({ digest }) => digest))
  expect(world.digestsOf(`app:t${COUNT - 1}`)).toEqual([three, one].map(({ digest }) => digest))
})

it('followers that waited when the process ended are moved after its start, and no tag that was pushed since', async () => {
  world.recorder[Symbol.dispose]()
  world.push(two, 'base:1')
  world.push(three, `app:t${COUNT - 2}`)
  await world[Symbol.asyncDispose]()

  world = open()
  expect(countOf(two.digest)).toBe(MOVED_TOGETHER)
  world.recorder.restoreFollowers()

  await eventually(() => expect(countOf(two.digest)).toBe(COUNT - 1))
  expect(world.digestsOf(`app:t${COUNT - 2}`)).toEqual([three, one].map(({ digest }) => digest))
})
