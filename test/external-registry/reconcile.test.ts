import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { RegistryError } from '../../src/oci/registry-error.ts'
import { pushEvent } from '../fixtures/notifications.ts'
import { image, index } from '../fixtures/random-image.ts'
import { watchStatements } from '../fixtures/statements.ts'
import { fromImage, tagName } from '../fixtures/test-domain.ts'
import { ExternalWorld, HOST } from './world.ts'

const [one, two, three] = [image({ seed: 1 }), image({ seed: 2 }), image({ seed: 3 })]
const multi = index([one, two])
const web = `${HOST}/shop/web`

let world: ExternalWorld
beforeEach(() => {
  world = new ExternalWorld()
})
afterEach(async () => {
  await world[Symbol.asyncDispose]()
  expect(world.internalErrors).toEqual([])
})

const reconcile = () => world.external.reconcile()
const entries = (...contents: { digest: string }[]) => contents.map(({ digest }) => `shop/web:v1 ${digest}`)

describe('a full scan of the registry', () => {
  it('records pushes without notifications, and nothing the second time', async () => {
    world.push('shop/web', 'v1', one).push('shop/web', 'v2', multi).push('web', 'v1', two)

    expect(await reconcile()).toEqual({ repositories: 2, recorded: 3, removed: 0, failed: 0 })
    expect(world.log().sort()).toEqual([
      `default/web:v1 ${two.digest}`,
      `shop/web:v1 ${one.digest}`,
      `shop/web:v2 ${multi.digest}`,
    ])
    world.registry.takeCalls()
    expect(await reconcile()).toMatchObject({ recorded: 0, removed: 0, failed: 0 })
    // one request for each list and tag, and none for content
    expect(
      world.registry
        .takeCalls()
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(['catalog', ...['list', 'list'], ...['resolve', 'resolve', 'resolve']])
  })

  it('reads the stream and the state of each tag once', async () => {
    const statementsWith = async (first: number, last: number): Promise<number> => {
      for (let at = first; at <= last; at++) world.push('shop/web', `v${at}`, one)
      await reconcile()
      using statements = watchStatements()
      expect(await reconcile()).toMatchObject({ recorded: 0 })
      return statements.run.length
    }
    const few = await statementsWith(1, 10)
    expect((await statementsWith(11, 30)) - few).toBe(2 * 20)
  })

  it('has the urgency of a schedule, and a notification that of a webhook', async () => {
    const opened = vi.spyOn(world.registry, 'repository')
    const takeUrgencies = () => opened.mock.calls.splice(0).map(([, { urgency }]) => urgency)
    await world.pushAndTell('shop/web', 'v1', one)
    expect(new Set(takeUrgencies())).toEqual(new Set(['webhook']))
    world.push('shop/web', 'v1', two)
    expect(await reconcile()).toMatchObject({ recorded: 1 })
    expect(new Set(takeUrgencies())).toEqual(new Set(['schedule']))
  })

  it('records the push of a lost notification', async () => {
    await world.pushAndTell('shop/web', 'v1', one)
    world.push('shop/web', 'v1', two)

    expect(await reconcile()).toMatchObject({ recorded: 1 })
    expect(world.log()).toEqual(entries(one, two))
    expect(world.domain.log().map(({ source }) => source)).toEqual(['REGISTRY', 'REGISTRY'])
  })

  it('removes tags that no longer exist, also of a deleted repository', async () => {
    await world.pushAndTell('shop/web', 'v1', one)
    await world.pushAndTell('shop/web', 'v2', one)
    await world.pushAndTell('shop/gone', 'v1', two)
    world.registry.untag(web, 'v1')
    world.registry.forget(`${HOST}/shop/gone`)

    expect(await reconcile()).toMatchObject({ repositories: 2, removed: 2 })
    expect(world.digest('shop', 'web', 'v1')).toBeUndefined()
    expect(world.digest('shop', 'web', 'v2')).toBe(one.digest)
    expect(world.digest('shop', 'gone', 'v1')).toBeUndefined()
  })

  it('keeps a missing tag that has a spec tag or comes from another place', async () => {
    world.registry.push('elsewhere.test/web', 'v2', two)
    const { importId } = world.domain.writer.create(SYSTEM, {
      namespace: 'shop',
      name: 'web',
      spec: { tags: [{ name: 'v1', reference: false }, fromImage('v2', 'elsewhere.test/web:v2')] },
    })
    await world.domain.finished(importId ?? 0)
    await world.pushAndTell('shop/web', 'v1', one)
    world.registry.untag(web, 'v1')

    expect(await reconcile()).toMatchObject({ removed: 0 })
    expect(['v1', 'v2'].map((tag) => world.digest('shop', 'web', tag))).toEqual([one.digest, two.digest])
  })

  it('keeps a tag that another stream imports from the registry', async () => {
    world.push('shop/web', 'v1', one)
    const { importId } = world.domain.writer.create(SYSTEM, {
      namespace: 'other',
      name: 'copy',
      spec: { tags: [fromImage('v1', `${web}:v1`)] },
    })
    await world.domain.finished(importId ?? 0)
    world.registry.untag(web, 'v1')
    await reconcile()

    expect(world.digest('other', 'copy', 'v1')).toBe(one.digest)
  })

  it('removes nothing when the registry is empty, with a warning', async () => {
    await world.pushAndTell('shop/web', 'v1', one)
    world.registry.forget(web)

    expect(await reconcile()).toMatchObject({ repositories: 0, removed: 0 })
    expect(world.digest('shop', 'web', 'v1')).toBe(one.digest)
    expect(world.warnings).toEqual([expect.stringContaining('has no repositories')])
  })

  it('keeps a tag that the list lacks but the registry returns by name', async () => {
    const referrers = `sha256-${'a'.repeat(64)}.sig`
    await world.pushAndTell('shop/web', referrers, one)
    world.registry.hideFromLists(web, referrers)

    expect(await reconcile()).toMatchObject({ removed: 0 })
    expect(world.digest('shop', 'web', referrers)).toBe(one.digest)
  })

  it('does not record an older image again', async () => {
    world.registry.push('elsewhere.test/web', 'v1', two)
    await world.pushAndTell('shop/web', 'v1', one)
    const importId = world.domain.importImage(SYSTEM, {
      namespace: 'shop',
      imageStream: 'web',
      tag: 'v1',
      from: 'elsewhere.test/web:v1',
      all: false,
      confirm: false,
      dryRun: false,
    })
    await world.domain.finished(importId)
    await reconcile()
    expect(world.digest('shop', 'web', 'v1')).toBe(two.digest)

    // but an image that was never observed is recorded
    world.push('shop/web', 'v1', three)
    await reconcile()
    expect(world.digest('shop', 'web', 'v1')).toBe(three.digest)
  })
})

describe('a scan during notifications', () => {
  it('records a push once when its notification arrives during the scan', async () => {
    world.push('shop/web', 'v1', one)
    const held = world.registry.hold(({ kind }) => kind === 'resolve')
    const looking = reconcile()
    await held.reached
    await world.tellPush({ tag: 'v1', digest: one.digest })
    held.release()

    expect(await looking).toMatchObject({ recorded: 0 })
    expect(world.log()).toEqual(entries(one))
  })

  it('does not replace a newer push with an older response', async () => {
    await world.pushAndTell('shop/web', 'v1', one)
    world.push('shop/web', 'v1', two)
    // the scan has found another image, and is about to fetch it
    const held = world.registry.hold(({ kind, subject }) => kind === 'manifest' && subject === two.digest)
    const looking = reconcile()
    await held.reached
    world.domain.time += 1000
    world.push('shop/web', 'v1', three)
    await world.notify(pushEvent({ tag: 'v1', digest: three.digest, at: world.domain.time }))
    held.release()
    await looking
    await world.external.idle()

    expect(world.log()).toEqual(entries(one, two, three))
  })

  it('does not replace an import that came in between', async () => {
    world.registry.push('elsewhere.test/web', 'v1', three)
    await world.pushAndTell('shop/web', 'v1', one)
    world.push('shop/web', 'v1', two)
    const held = world.registry.hold(({ kind, subject }) => kind === 'manifest' && subject === two.digest)
    const looking = reconcile()
    await held.reached
    const importId = world.domain.importImage(SYSTEM, {
      namespace: 'shop',
      imageStream: 'web',
      tag: 'v1',
      from: 'elsewhere.test/web:v1',
      all: false,
      confirm: false,
      dryRun: false,
    })
    await world.domain.finished(importId)
    held.release()

    expect(await looking).toMatchObject({ recorded: 0 })
    expect(world.log()).toEqual(entries(one, three))
  })

  it('makes earlier notifications outdated', async () => {
    const first = pushEvent({ tag: 'v1', digest: one.digest, at: world.domain.time - 2 })
    const second = pushEvent({ tag: 'v1', digest: two.digest, at: world.domain.time - 1 })
    world.push('shop/web', 'v1', one).push('shop/web', 'v1', two)
    await reconcile()
    await world.notify(first, second)
    await world.external.idle()

    expect(world.log()).toEqual(entries(two))
  })

  it('does not wait for a stream whose notifications fail', async () => {
    await world.pushAndTell('shop/web', 'v1', one)
    world.push('shop/web', 'v1', two).push('shop/other', 'v1', three)
    world.registry.fail(web, two.digest, 'RegistryUnavailable')
    await world.notify(pushEvent({ tag: 'v1', digest: two.digest, at: world.domain.time }))
    await expect.poll(() => world.delays.length).toBe(1)
    for (let tag = 0; tag < 50; tag++) world.push('shop/web', `more-${tag}`, two)

    expect(await reconcile()).toMatchObject({ recorded: 1, failed: 51 })
    expect(world.log()).toEqual([...entries(one), `shop/other:v1 ${three.digest}`])
  })
})

describe('a failing scan', () => {
  it('removes nothing after a tag list with circular links', async () => {
    await world.pushAndTell('shop/web', 'v1', one)
    world.registry.untag(web, 'v1')
    world.registry.leadInCircles(web)

    expect(await reconcile()).toMatchObject({ removed: 0, failed: 1 })
    expect(world.log()).toEqual(entries(one))
  })

  it('of one repository continues with the others', async () => {
    world.push('shop/web', 'v1', one).push('shop/other', 'v1', two)
    world.registry.fail(web, '', 'RegistryUnavailable')

    expect(await reconcile()).toEqual({ repositories: 2, recorded: 1, removed: 0, failed: 1 })
  })

  it('of the catalog rejects, and removes nothing', async () => {
    await world.pushAndTell('shop/web', 'v1', one)
    world.push(HOST, 'unused', one)
    world.registry.fail(HOST, '', 'RegistryUnavailable')

    await expect(reconcile()).rejects.toThrow(RegistryError)
    expect(world.digest('shop', 'web', 'v1')).toBe(one.digest)
  })

  it('of many repositories in a row stops', async () => {
    const names = Array.from({ length: 200 }, (_, at) => `shop/app-${at}`)
    for (const name of names) {
      world.push(name, 'v1', one)
      world.registry.fail(`${HOST}/${name}`, '', 'RegistryUnavailable')
    }

    await expect(reconcile()).rejects.toThrow(RegistryError)
    expect(world.registry.requested('list').length).toBeLessThan(40)
  })

  it('that is aborted rejects with the reason after the running work', async () => {
    world.push('shop/web', 'v1', one)
    const held = world.registry.hold(({ kind }) => kind === 'list')
    const stop = new AbortController()
    const looking = world.external.reconcile(stop.signal)
    await held.reached
    stop.abort(new Error('enough'))

    await expect(looking).rejects.toThrow('enough')
    held.release()
    expect(await reconcile()).toMatchObject({ recorded: 1 })
  })
})

describe('scans', () => {
  it('run one at a time: a call during a scan joins it', async () => {
    world.push('shop/web', 'v1', one)
    const held = world.registry.hold(({ kind }) => kind === 'catalog')
    const both = [reconcile(), reconcile()]
    await held.reached
    held.release()

    const [first, second] = await Promise.all(both)
    expect(first).toBe(second)
    expect(world.registry.requested('catalog')).toHaveLength(1)
  })

  it('run after the start and then at intervals, until the registry is disposed of', async () => {
    await world.external[Symbol.asyncDispose]()
    world.push('shop/web', 'v1', one)
    world.external = world.open({ reconcileAfter: 0, reconcileEvery: 5 })
    world.external.start()

    await expect.poll(() => world.log()).toEqual(entries(one))
    world.push('shop/web', 'v1', two)
    const logLater = (): string[] => {
      world.domain.time += 5
      return world.log()
    }
    await expect.poll(logLater).toEqual(entries(one, two))
    await world.external[Symbol.asyncDispose]()
    const looks = world.registry.requested('catalog').length
    await expect(world.external.reconcile()).rejects.toThrow('the server is stopping')
    expect(world.registry.requested('catalog')).toHaveLength(looks)
  })
})

describe('a scheduled scan', () => {
  const openScheduled = async (): Promise<void> => {
    await world.external[Symbol.asyncDispose]()
    world.external = world.open({ reconcileAfter: 20, reconcileEvery: 10_000 })
    world.external.start()
  }
  /** Pushes content, with a notification of an earlier push only, just before the first scan is due. */
  const pushBeforeDue = async (): Promise<void> => {
    world.domain.time += 19
    const at = world.domain.time
    world.push('shop/web', 'v1', one).push('shop/web', 'v1', two)
    await world.notify(pushEvent({ at: at - 2, repository: 'shop/web', tag: 'v1', digest: one.digest }))
    world.domain.time += 1
  }

  it('waits while notifications arrive, so that each push is recorded', async () => {
    await openScheduled()
    await pushBeforeDue()
    await expect.poll(() => world.delays).toEqual([20])
    expect(world.registry.requested('catalog')).toEqual([])
    await world.notify(
      pushEvent({ at: world.domain.time - 1, repository: 'shop/web', tag: 'v1', digest: two.digest }),
    )
    await world.wakeUp(1)
    await expect.poll(() => world.delays).toEqual([20, 20])
    expect(world.registry.requested('catalog')).toEqual([])

    world.domain.time += 20
    await world.wakeUp(2)
    await expect.poll(() => world.registry.requested('catalog')).toHaveLength(1)
    await expect.poll(() => world.log()).toEqual(entries(one, two))
  })

  it('waits twelve times at most: some registries send notifications without a pause', async () => {
    await openScheduled()
    await pushBeforeDue()
    for (let waits = 1; waits <= 12; waits++) {
      expect(world.registry.requested('catalog')).toEqual([])
      world.external.wake()
      await world.wakeUp(waits)
    }
    await expect.poll(() => world.registry.requested('catalog')).toHaveLength(1)
    expect(world.delays).toHaveLength(12)
  })
})

describe('two repositories that are one stream', () => {
  it('do not remove or change each other’s tags', async () => {
    await world.pushAndTell('web', 'v1', one)
    await world.pushAndTell('default/web', 'v2', two)
    await world.pushAndTell('default/web', 'v1', three)
    const before = world.log()
    await reconcile()
    await reconcile()

    expect(world.log()).toEqual(before)
    const stream = world.domain.streams.byName(SYSTEM, 'default', 'web')
    expect(world.domain.tags.named([stream?.id ?? 0], tagName('v2'))).toHaveLength(1)
  })
})
