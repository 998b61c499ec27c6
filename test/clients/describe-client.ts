import { describe, expect, test } from 'vitest'
import type { ClientApplication, Component } from './client.ts'
import type { Page, Pushed } from './documents.ts'
import { startWorld, TAGS } from './world.ts'

const NEWEST_FIRST = [...TAGS].reverse()

const nodesOf = ({ shown }: Component<Page>) =>
  shown?.imageStream.tags.edges.flatMap(({ node }) => node ?? [])
const tagsOf = (page: Component<Page>): string[] | undefined => nodesOf(page)?.map(({ tag }) => tag)
const pageInfoOf = ({ shown }: Component<Page>) => shown?.imageStream.tags.pageInfo
const digestsOf = (page: Component<Page>): Record<string, string> =>
  Object.fromEntries(nodesOf(page)?.map(({ tag, image }) => [tag, image.digest]) ?? [])

type Start = (url: string) => Promise<ClientApplication> | ClientApplication

/** A server, and the application with both components. */
async function startBoth(start: Start) {
  const world = await startWorld()
  const client = await start(world.url)
  const head = await client.head()
  const page = await client.page({ first: 6 })
  const pushes: Pushed['imagePushed'][] = []
  return {
    world,
    client,
    head,
    page,
    pushes,
    id: head.shown?.imageStream.id ?? '',
    async follow(): Promise<string> {
      const since = await world.endOfLog()
      client.follow(since, (push) => void pushes.push(push))
      return since
    },
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]()
      await world[Symbol.asyncDispose]()
    },
  }
}

function testReads(start: Start): void {
  test('two components that read different fields of one stream keep their data', async () => {
    await using it = await startBoth(start)

    expect(it.head.shown?.imageStream).toMatchObject({ name: 'app', labels: [] })
    expect(tagsOf(it.page)).toEqual(NEWEST_FIRST)
    expect([it.head.losses, it.page.losses]).toEqual([0, 0])
    expect(it.world.door.posts).toBe(2)
  })

  test('pages forward form one list', async () => {
    await using world = await startWorld()
    using client = await start(world.url)
    const page = await client.page({ first: 2 })
    expect(tagsOf(page)).toEqual(NEWEST_FIRST.slice(0, 2))

    for (const size of [4, 6]) {
      expect(pageInfoOf(page)?.hasNextPage).toBe(true)
      await page.more({ first: 2, after: pageInfoOf(page)?.endCursor ?? '' })
      await expect.poll(() => tagsOf(page)).toEqual(NEWEST_FIRST.slice(0, size))
    }
    expect(pageInfoOf(page)?.hasNextPage).toBe(false)
  })

  test('pages back form one list', async () => {
    await using world = await startWorld()
    using client = await start(world.url)
    const page = await client.page({ last: 2 })
    expect(tagsOf(page)).toEqual(NEWEST_FIRST.slice(-2))

    for (const size of [4, 6]) {
      expect(pageInfoOf(page)?.hasPreviousPage).toBe(true)
      await page.more({ last: 2, before: pageInfoOf(page)?.startCursor ?? '' })
      await expect.poll(() => tagsOf(page)).toEqual(NEWEST_FIRST.slice(-size))
    }
    expect(pageInfoOf(page)?.hasPreviousPage).toBe(false)
  })

  test('a stream is read again by its id', async () => {
    await using it = await startBoth(start)
    const digest = await it.world.push('latest', 'second')

    await it.client.refetch(it.id)

    await expect.poll(() => it.head.shown?.imageStream.tag.image.digest).toBe(digest)
    await expect.poll(() => digestsOf(it.page).latest).toBe(digest)
  })
}

function testWrites(start: Start): void {
  test('an update is shown before the response, and taken back when it fails', async () => {
    await using it = await startBoth(start)
    const labels = [{ key: 'team', value: 'blue' }]
    const shown = () => it.head.shown?.imageStream.labels.map(({ key, value }) => `${key}=${value}`)

    let update: Promise<void> = Promise.resolve()
    await it.world.door.heldDuring(async () => {
      update = it.client.label(it.id, labels)
      await expect.poll(shown).toEqual(['team=blue'])
    })
    await update
    expect(shown()).toEqual(['team=blue'])

    await it.world.door.heldDuring(async () => {
      update = it.client.label(it.id, [{ key: 'not a label!', value: '' }])
      update.catch(() => {})
      await expect.poll(shown).toEqual(['not a label!='])
    })
    await expect(update).rejects.toThrow('label')
    await expect.poll(shown).toEqual(['team=blue'])
  })

  test('a removed tag leaves the list by its deletedId', async () => {
    await using it = await startBoth(start)

    await it.client.untag('1.2')

    await expect.poll(() => tagsOf(it.page)).toEqual(NEWEST_FIRST.filter((tag) => tag !== '1.2'))
  })
}

function testPushes(start: Start): void {
  test('a push updates both components', async () => {
    await using it = await startBoth(start)
    await it.follow()

    const digest = await it.world.push('latest', 'second')

    await expect.poll(() => it.head.shown?.imageStream.tag.image.digest).toBe(digest)
    await expect.poll(() => digestsOf(it.page).latest).toBe(digest)
    expect([it.head.losses, it.page.losses]).toEqual([0, 0])
    expect(it.world.door.posts).toBe(2)
  })

  test('a lost connection and a restart of the server leave no gap and no duplicate', async () => {
    await using it = await startBoth(start)
    const since = await it.follow()

    await it.world.push('1.0', 'second')
    await expect.poll(() => it.pushes.length).toBe(1)
    await it.world.door.closedDuring(async () => {
      await it.world.push('latest', 'second')
      await it.world.push('1.1', 'second')
    })
    await expect.poll(() => it.pushes.length).toBe(3)
    await it.world.server.restart()
    const digest = await it.world.push('latest', 'third')

    await expect.poll(() => it.head.shown?.imageStream.tag.image.digest).toBe(digest)
    expect(it.pushes.map(({ tag, image }) => [tag, image.digest])).toEqual(await it.world.pushesSince(since))
    const images = Object.fromEntries(await it.world.pushesSince(since))
    await expect.poll(() => digestsOf(it.page)).toMatchObject(images)
  })
}

/** Describes what an application that uses a client library does with the server; `start` creates it. */
export function describeClient(name: string, start: Start): void {
  describe(name, () => {
    testReads(start)
    testWrites(start)
    testPushes(start)
  })
}
