import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { FAN_OUT_AT_ONCE, FAN_OUT_TIME } from '../../src/receivers/fan-out.ts'
import { MAX_UNFINISHED } from '../../src/receivers/request-targets.ts'
import { createHintWorker } from '../../src/receivers/worker.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage } from '../fixtures/test-domain.ts'
import { type Issued, REGISTRY, REPOSITORY, ReceiverWorld, SOURCE } from './receiver-world.ts'

const [one, two, three] = [image({ seed: 1 }), image({ seed: 2 }), image({ seed: 3 })]

let world: ReceiverWorld
let issued: Issued
let made = 0
beforeEach(() => {
  world = new ReceiverWorld()
  world.push('v1', one).push('v2', one)
  issued = world.create()
})
afterEach(async () => {
  expect(world.errors).toEqual([])
  await world[Symbol.asyncDispose]()
})

const resolved = (): string[] => world.domain.remote.requested('resolve')

describe('a hint', () => {
  it('requests only its tag, without a tag list, before other imports', async () => {
    await world.follow()
    world.push('v1', two)
    world.domain.remote.takeCalls()

    await world.notify(issued, { tag: 'v1', digest: two.digest })

    expect(world.domain.digests('v1', 'app')).toEqual([two.digest, one.digest])
    expect(resolved()).toEqual(['v1'])
    expect(world.domain.remote.requested('list')).toEqual([])
    expect(world.requests()).toEqual([
      { repository: false, specTags: [], repositoryTags: ['v1'], urgency: 'webhook' },
    ])
    expect(world.targets(issued)).toEqual(['app:v1 FINISHED'])
  })

  it('is only a hint: its digest is not recorded without the registry', async () => {
    await world.follow()

    await world.notify(issued, { tag: 'v1', digest: two.digest })

    expect(world.domain.digests('v1', 'app')).toEqual([one.digest])
    expect(world.domain.log()).toHaveLength(2)
    expect(resolved()).toEqual(['v1', 'v2', 'v1'])
  })

  it('with the digest that the tag points to causes no request, and is UP_TO_DATE', async () => {
    await world.follow()
    world.domain.remote.takeCalls()

    await world.notify(issued, { tag: 'v1', digest: one.digest })

    expect(world.domain.remote.takeCalls()).toEqual([])
    expect(world.targets(issued)).toEqual(['app:v1 UP_TO_DATE'])
  })

  it('with the digest that the tag points to causes a request while an import of the stream runs', async () => {
    await world.follow()
    world.push('v1', two)
    const held = world.domain.remote.hold(({ kind }) => kind === 'manifest')
    world.domain.beginImport({ imageStream: 'app', tag: 'v1' })
    await held.reached
    // moved back before the requested image is recorded
    world.push('v1', one)
    await world.deliver(issued, world.notification(issued, { tag: 'v1', digest: one.digest }))
    await world.worker.idle()
    held.release()
    await world.settle()

    expect(world.domain.digests('v1', 'app')).toEqual([one.digest, two.digest, one.digest])
  })

  it('of a tag that failed to import causes a request, whatever its digest is', async () => {
    await world.follow()
    world.domain.remote.fail(SOURCE, 'v1', 'RegistryUnavailable')
    await world.domain.import({ imageStream: 'app', tag: 'v1' })
    expect(world.domain.condition('v1', 'app')).toMatchObject({ reason: 'RegistryUnavailable' })
    world.domain.remote.fail(SOURCE, 'v1', null)

    await world.notify(issued, { tag: 'v1', digest: one.digest })

    expect(world.domain.condition('v1', 'app')).toBeUndefined()
  })

  it('of a new tag imports it into streams of the repository only', async () => {
    await world.follow()
    await world.follow('pinned', { tags: [fromImage('v1', `${SOURCE}:v1`)] })
    world.push('v3', three)

    await world.notify(issued, { tag: 'v3' })

    expect(world.domain.digests('v3', 'app')).toEqual([three.digest])
    expect(world.domain.tagNames('pinned')).toEqual(['v1'])
    expect(world.targets(issued)).toEqual(['app:v3 FINISHED'])
  })

  it('without a tag imports the whole repository', async () => {
    await world.follow()
    world.push('v1', two).push('v3', three)

    await world.notify(issued, { digest: two.digest })

    expect(world.domain.digests('v1', 'app')).toEqual([two.digest, one.digest])
    expect(world.domain.digests('v3', 'app')).toEqual([three.digest])
    expect(world.targets(issued)).toEqual(['app:* FINISHED'])
  })

  it('concerns spec tags by the tag that they are imported from', async () => {
    await world.follow('app', {
      tags: [
        fromImage('production', `${SOURCE}:v1`),
        fromImage('canary', `${SOURCE}:v2`),
        fromImage('fixed', `${SOURCE}@${one.digest}`),
        fromImage('other', 'registry.test/team/other:v1'),
      ],
    })
    world.push('v1', two).push('v2', two)
    world.domain.remote.takeCalls()

    await world.notify(issued, { tag: 'v1', digest: two.digest })

    expect(world.domain.digests('production', 'app')).toEqual([two.digest, one.digest])
    expect(world.domain.digests('canary', 'app')).toEqual([one.digest])
    expect(resolved()).toEqual(['v1'])
  })

  it('makes the policy of a spec tag choose again', async () => {
    await world.follow('app', {
      tags: [fromImage('stable', SOURCE, { policy: { order: 'ALPHABETICAL' } })],
    })
    world.push('v3', three)

    await world.notify(issued, { tag: 'v3', digest: three.digest })

    expect(world.targets(issued)).toEqual(['app:stable FINISHED'])
    expect(world.domain.digests('stable', 'app')[0]).toBe(three.digest)
  })

  it('does not concern a repository’s tag with a spec tag of the same name from elsewhere', async () => {
    world.domain.remote.push('registry.test/team/other', 'v9', one)
    await world.follow('app', {
      dockerImageRepository: SOURCE,
      tags: [fromImage('v1', 'registry.test/team/other:v9')],
    })

    await world.notify(issued, { tag: 'v1', digest: two.digest })

    expect(world.targets(issued)).toEqual([])
  })

  it('does not concern other namespaces', async () => {
    await world.follow('app', { dockerImageRepository: SOURCE }, 'elsewhere')
    world.push('v1', two)

    await world.notify(issued, { tag: 'v1', digest: two.digest })

    expect(world.targets(issued)).toEqual([])
    expect(world.requests()).toEqual([])
  })

  it.each([
    ['docker.io', 'ruby', 'ruby'],
    ['docker.io', 'docker.io/library/ruby', 'ruby'],
    ['docker.io', 'index.docker.io/library/ruby', 'library/ruby'],
    ['quay.io', 'Quay.IO/team/app', 'team/app'],
  ])('of %s concerns the stream with the reference %s', async (registry, source, repository) => {
    world.domain.remote.push(
      source.replace(
        /^(?:docker\.io\/library\/|index\.docker\.io\/library\/)?ruby$/,
        'docker.io/library/ruby',
      ),
      'v1',
      one,
    )
    await world.follow('spelled', { dockerImageRepository: source })
    const receiver = world.create({ registry })

    await world.notify(receiver, { registry, repository, tag: 'v1' })

    expect(world.targets(receiver)).toEqual(['spelled:v1 FINISHED'])
  })
})

describe('a hint of a deletion', () => {
  it('that the registry confirms sets a condition; the history stays', async () => {
    await world.follow()
    world.domain.remote.untag(SOURCE, 'v1')

    await world.notify(issued, { tag: 'v1', action: 'delete' })

    expect(world.domain.condition('v1', 'app')).toMatchObject({ reason: 'NotFound' })
    expect(world.domain.digests('v1', 'app')).toEqual([one.digest])
  })

  it('that is false changes nothing', async () => {
    await world.follow()

    await world.notify(issued, { tag: 'v1', digest: one.digest, action: 'delete' })

    expect(world.targets(issued)).toEqual(['app:v1 FINISHED'])
    expect(world.domain.condition('v1', 'app')).toBeUndefined()
    expect(world.domain.digests('v1', 'app')).toEqual([one.digest])
  })

  it('by digest requests the tags that pointed to it', async () => {
    await world.follow()
    world.push('v2', two)
    await world.domain.import({ imageStream: 'app', tag: 'v2' })

    await world.notify(issued, { digest: one.digest, action: 'delete' })

    expect(world.targets(issued)).toEqual(['app:v1 FINISHED'])
  })

  it('of an unknown tag causes no request', async () => {
    await world.follow()

    await world.notify(issued, { tag: 'v7', action: 'delete' })

    expect(world.targets(issued)).toEqual([])
    expect(world.domain.tagNames('app')).toEqual(['v1', 'v2'])
  })
})

describe('many hints', () => {
  it('for one stream are combined while its import runs', async () => {
    await world.follow()
    for (const tag of ['v1', 'v2', 'v3', 'v4']) world.push(tag, two)
    const held = world.domain.remote.hold(({ kind }) => kind === 'resolve')
    await world.deliver(issued, world.notification(issued, { tag: 'v1' }))
    await held.reached
    for (const tag of ['v2', 'v3', 'v4', 'v2', 'v1']) {
      await world.deliver(issued, world.notification(issued, { tag, digest: two.digest }, `${made++}`))
    }
    await world.worker.idle()
    held.release()
    await world.settle()

    expect(world.requests().map(({ repositoryTags }) => repositoryTags)).toEqual([['v1'], ['v2', 'v3', 'v4']])
    for (const tag of ['v1', 'v2', 'v3', 'v4']) expect(world.domain.digests(tag, 'app')[0]).toBe(two.digest)
  })

  it('for many streams leave room for imports on request', async () => {
    const names = Array.from({ length: MAX_UNFINISHED + 10 }, (_, at) => `app-${at}`)
    for (const name of names) {
      world.domain.writer.create(SYSTEM, {
        namespace: 'default',
        name,
        spec: { dockerImageRepository: SOURCE },
      })
    }
    await world.settle()
    world.push('v1', two)
    const held = world.domain.remote.hold(({ kind }) => kind === 'resolve')

    await world.deliver(issued, world.notification(issued, { tag: 'v1' }))
    await held.reached
    await world.worker.idle()
    expect(world.domain.importRows.unfinished()).toHaveLength(MAX_UNFINISHED)

    held.release()
    await world.settle()
    for (const name of names) expect(world.domain.digests('v1', name)[0]).toBe(two.digest)
  })
})

describe('many hints for many streams', () => {
  it('are processed in batches, so that other work runs in between', async () => {
    const streams = 40
    const tags = Array.from({ length: 150 }, (_, at) => `t${at}`)
    for (let at = 0; at < streams; at++) await world.follow(`app-${at}`)
    const held = world.domain.remote.hold(({ kind }) => kind === 'resolve')
    const targets = world.domain.db.prepare<{ total: number }>(
      'select count(*) as total from webhook_targets',
    )
    const seen = [0]

    await world.deliver(issued, world.notification(issued, { tags }))
    while ((seen.at(-1) ?? 0) < streams * tags.length) {
      await setImmediate()
      seen.push(targets.get()?.total ?? 0)
    }

    const steps = seen.slice(1).map((total, at) => total - (seen[at] ?? 0))
    expect(Math.max(...steps)).toBe(FAN_OUT_AT_ONCE)
    held.release()
  })
})

describe('a restart', () => {
  it('processes hints that are still open', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'imagestreams-hints-'))
    const file = join(folder, 'imagestreams.db')
    {
      await using before = new ReceiverWorld({ file })
      before.push('v1', one)
      await before.follow()
      const receiver = before.create()
      before.isWorking = false
      const response = await before.deliver(receiver, before.notification(receiver, { tag: 'v1' }))
      expect(response?.status).toBe(202)
      expect(before.requests()).toEqual([])
    }

    await using after = new ReceiverWorld({ file })
    after.push('v1', two)
    after.worker.wake()
    await after.settle()

    expect(after.domain.digests('v1', 'app')).toEqual([two.digest, one.digest])
    rmSync(folder, { recursive: true })
  })

  it('ignores hints of deleted streams and receivers', async () => {
    await world.follow()
    world.isWorking = false
    await world.deliver(issued, world.notification(issued, { tag: 'v1' }))
    world.domain.streamRemoval.delete(SYSTEM, { namespace: 'default', name: 'app' })
    const gone = world.create()
    await world.deliver(gone, world.notification(gone, { tag: 'v1' }))
    world.receivers.delete(SYSTEM, gone.receiver.id)

    world.isWorking = true
    world.worker.wake()
    await world.settle()

    expect(world.requests()).toEqual([])
    expect(world.domain.dump().webhook_hints).toMatchObject([{ repository: REPOSITORY, registry: REGISTRY }])
  })
})

describe('hints of many repositories', () => {
  it('are processed in batches by time, and those of one repository together', async () => {
    const { db, importer, hintRetries: retries } = world.domain
    world.isWorking = false
    for (const repository of ['team/one', 'team/two', 'team/one', 'team/three']) {
      await world.deliver(
        issued,
        world.notification(issued, { repository, tag: `v${repository.length}` }, `${made++}`),
      )
    }
    const handled = db.prepare<{ repository: string }>(
      'select repository from webhook_hints where handled_at is not null order by id',
    )
    const turns: string[][] = []
    let time = world.domain.time
    using worker = createHintWorker({
      db: {
        ...db,
        transact(work) {
          const result = db.transact(work)
          turns.push(handled.all().map(({ repository }) => repository))
          return result
        },
      },
      importer,
      retries,
      // a namespace that is so large that each read takes too long
      now: () => (time += FAN_OUT_TIME),
      onError: (error) => world.errors.push(error),
    })

    worker.wake()
    await worker.idle()

    expect([...new Set(turns.map((names) => names.join(' ')))]).toEqual([
      'team/one team/one',
      'team/one team/two team/one',
      'team/one team/two team/one team/three',
    ])
  })
})
