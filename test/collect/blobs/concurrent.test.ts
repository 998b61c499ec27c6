import { describe, expect, it } from 'vitest'
import { SYSTEM } from '../../../src/access/right/viewer.ts'
import { type Digest, digestOf } from '../../../src/oci/digest.ts'
import type { TagName } from '../../../src/oci/tag.ts'
import { type Content, type Image, image, index, layer } from '../../fixtures/random-image.ts'
import { randomNumbers } from '../../fixtures/random-numbers.ts'
import { seedOf } from '../../fixtures/seed.ts'
import { beforeTransactions, type CollectWorld, DAY, openCollectWorld } from './world.ts'

/** Present time of this test in milliseconds. */
const LEASE = 1_000
const OPERATIONS = 400
const WORKERS = 6
const REPOSITORIES = ['shop/web', 'shop/base', 'shop/tools']
const TAGS = ['v1', 'v2']

/** Few of each, so that clients use the same digests. */
const LOOSE = Array.from({ length: 12 }, (_, at) => Buffer.from(`loose blob ${at} `.repeat(500)))
const IMAGES = Array.from({ length: 5 }, (_, at) =>
  image({ seed: at, layers: [layer(`shared ${at % 2}`), layer(`own ${at}`)] }),
)

/** Content that responses have confirmed, by path, with the time until which it must exist. */
class Promises {
  readonly #until = new Map<string, number>()
  readonly #deletions = new Map<string, number>()
  readonly #now: () => number
  constructor(now: () => number) {
    this.#now = now
  }

  /** Records the confirmation of a response, for so long from the time of its request. */
  async noting<Answer>(
    path: string,
    duration: number,
    sending: () => Promise<Answer>,
    isPromise: (response: Answer) => boolean,
  ): Promise<Answer> {
    const sentAt = this.#now()
    const deletions = this.#deletions.get(path)
    const response = await sending()
    if (isPromise(response) && deletions === this.#deletions.get(path)) {
      this.#until.set(path, Math.max(this.#until.get(path) ?? 0, sentAt + duration))
    }
    return response
  }

  /** Reports whether the content must still exist. */
  holds(path: string): boolean {
    return (this.#until.get(path) ?? Number.NEGATIVE_INFINITY) >= this.#now()
  }

  /** Ends earlier confirmations, and ignores those during the deletion. */
  async deleting<Answer>(path: string, sending: () => Promise<Answer>): Promise<Answer> {
    const end = (): void => {
      this.#deletions.set(path, (this.#deletions.get(path) ?? 0) + 1)
      this.#until.delete(path)
    }
    end()
    try {
      return await sending()
    } finally {
      end()
    }
  }

  get held(): string[] {
    return [...this.#until.keys()].filter((path) => this.holds(path))
  }
}

class Clients {
  readonly #world: CollectWorld
  readonly #random: () => number
  readonly #promises: Promises
  /** Number of checked confirmations. */
  verified = 0
  constructor(world: CollectWorld, random: () => number, promises: Promises) {
    this.#world = world
    this.#random = random
    this.#promises = promises
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)] as Item
  }

  async act(): Promise<void> {
    const repository = this.#pick(REPOSITORIES)
    const bytes = this.#pick(LOOSE)
    const dice = this.#random()
    if (dice < 0.12) await this.#push(repository, bytes)
    else if (dice < 0.22) await this.#pushInChunks(repository, bytes)
    else if (dice < 0.34) await this.#mount(repository, this.#pick(REPOSITORIES), digestOf(bytes))
    else if (dice < 0.42) await this.#deleteBlob(repository, digestOf(bytes))
    else if (dice < 0.6)
      await this.#pushImage(repository, this.#pick(IMAGES), this.#pick([...TAGS, undefined]))
    else if (dice < 0.66) await this.#pushIndex(repository)
    else if (dice < 0.72)
      await this.#deleteManifest(repository, this.#pick([...TAGS, ...IMAGES.map((i) => i.digest)]))
    else if (dice < 0.85) await this.#verify(this.#promises.held)
    else await this.#pull(repository, this.#pick(TAGS))
  }

  async #confirmed<Answer extends { readonly status: number }>(
    path: string,
    duration: number,
    status: number,
    sending: () => Promise<Answer>,
  ): Promise<Answer> {
    const response = await this.#promises.noting(path, duration, sending, (each) => each.status === status)
    expect(response.status, `${path}: unforeseen`).toBeLessThan(500)
    return response
  }

  async #push(repository: string, bytes: Buffer): Promise<void> {
    const digest = digestOf(bytes)
    const path = `/v2/${repository}/blobs/${digest}`
    const upload = `/v2/${repository}/blobs/uploads/?digest=${digest}`
    const pushed = await this.#confirmed(path, LEASE, 201, () =>
      this.#world.send('POST', upload, { body: bytes }),
    )
    expect(pushed.status).toBe(201)
  }

  async #pushInChunks(repository: string, bytes: Buffer): Promise<void> {
    const { send, startUpload } = this.#world
    const digest = digestOf(bytes)
    const location = await startUpload(repository)
    const half = bytes.length / 2
    for (const body of [bytes.subarray(0, half), bytes.subarray(half)]) {
      expect((await send('PATCH', location, { body })).status).toBe(202)
    }
    const path = `/v2/${repository}/blobs/${digest}`
    const put = await this.#confirmed(path, LEASE, 201, () =>
      this.#world.put(`${location}?digest=${digest}`, ''),
    )
    expect(put.status).toBe(201)
  }

  async #mount(to: string, from: string, digest: Digest): Promise<void> {
    const source = `/v2/${from}/blobs/${digest}`
    const wasPromised = this.#promises.holds(source)
    const mounting = `/v2/${to}/blobs/uploads/?mount=${digest}&from=${from}`
    const response = await this.#confirmed(`/v2/${to}/blobs/${digest}`, LEASE, 201, () =>
      this.#world.send('POST', mounting),
    )
    if (response.status === 202) await this.#world.delete(response.headers.location ?? '')
    if (wasPromised && this.#promises.holds(source)) expect(response.status, mounting).toBe(201)
  }

  async #deleteBlob(repository: string, digest: Digest): Promise<void> {
    const path = `/v2/${repository}/blobs/${digest}`
    await this.#promises.deleting(path, () => this.#world.delete(path))
  }

  /** Pushes like a real client, which does not send a layer that exists. */
  async #pushBlobs(repository: string, contents: readonly Content[]): Promise<void> {
    for (const { digest, bytes } of contents) {
      const path = `/v2/${repository}/blobs/${digest}`
      const head = await this.#confirmed(path, LEASE / 2, 200, () => this.#world.head(path))
      if (head.status !== 200) await this.#push(repository, bytes)
    }
  }

  async #pushImage(repository: string, pushed: Image, tag?: string): Promise<boolean> {
    const parts = [pushed.config, ...pushed.layers]
    await this.#pushBlobs(repository, parts)
    return this.#putManifest(
      repository,
      pushed,
      tag,
      parts.map(({ digest }) => `/v2/${repository}/blobs/${digest}`),
    )
  }

  /** Expects success if the existence of all parts was confirmed for the whole request. */
  async #putManifest(
    repository: string,
    content: Content,
    tag: string | undefined,
    parts: readonly string[],
  ) {
    const path = `/v2/${repository}/manifests/${content.digest}`
    const put = await this.#confirmed(path, LEASE, 201, () =>
      this.#world.putManifest(repository, content, tag),
    )
    if (parts.every((part) => this.#promises.holds(part))) expect(put.status, put.text).toBe(201)
    return put.status === 201
  }

  async #pushIndex(repository: string): Promise<void> {
    const children = IMAGES.slice(0, 2)
    for (const child of children) if (!(await this.#pushImage(repository, child))) return
    const parts = children.map(({ digest }) => `/v2/${repository}/manifests/${digest}`)
    await this.#putManifest(repository, index(children), this.#pick(TAGS), parts)
  }

  async #deleteManifest(repository: string, reference: string): Promise<void> {
    const path = `/v2/${repository}/manifests/${reference}`
    await this.#promises.deleting(path, () => this.#world.delete(path))
  }

  async #verify(paths: readonly string[]): Promise<void> {
    if (paths.length === 0) return
    const path = this.#pick(paths)
    const response = await this.#confirmed(path, LEASE / 2, 200, () => this.#world.get(path))
    if (!this.#promises.holds(path)) return
    expect(response.status, `${path} was promised`).toBe(200)
    expect(digestOf(response.bytes)).toBe(path.slice(path.lastIndexOf('/') + 1))
    this.verified++
  }

  /** Expects that a served manifest has all its parts, which no client deletes here. */
  async #pull(repository: string, tag: string): Promise<void> {
    const base = `/v2/${repository}`
    const response = await this.#world.get(`${base}/manifests/${tag}`)
    expect(response.status).toBeLessThan(500)
    const pulled = IMAGES.find(({ digest }) => digest === response.headers['docker-content-digest'])
    if (response.status !== 200 || !pulled) return
    const manifest = `${base}/manifests/${pulled.digest}`
    await this.#confirmed(manifest, LEASE / 2, 200, () => this.#world.get(manifest))
    for (const { digest, bytes } of [pulled.config, ...pulled.layers]) {
      const blob = await this.#confirmed(`${base}/blobs/${digest}`, LEASE / 2, 200, () =>
        this.#world.get(`${base}/blobs/${digest}`),
      )
      if (!this.#promises.holds(manifest)) return
      expect(blob.status, `${digest} of ${manifest}`).toBe(200)
      expect(blob.bytes.equals(bytes)).toBe(true)
      this.verified++
    }
  }
}

describe('clients that push, mount, pull and delete during collections', () => {
  it.each([1, 2])('find all confirmed content, and leave nothing behind (seed %d)', async (seed) => {
    await using world = await openCollectWorld({
      limits: { lease: LEASE },
      policy: { untaggedAfter: 0, keepTagRevisions: 1 },
    })
    const random = randomNumbers(seedOf(`concurrent collection of blobs ${seed}`))
    const promises = new Promises(() => world.domain.time)
    const clients = new Clients(world, random, promises)
    const long = await world.startUpload('shop/web')
    let left = OPERATIONS
    let collections = 0
    let removed = 0

    const work = async (): Promise<void> => {
      while (left-- > 0) {
        world.pass(Math.floor(random() * 60))
        await clients.act()
      }
    }
    const collect = async (): Promise<void> => {
      while (left > 0) {
        const { blobs, message } = await world.collector.collect(SYSTEM)
        expect(message).toBeNull()
        collections++
        removed += blobs
        await world.send('PATCH', long, { body: '.' })
      }
    }
    await Promise.all([...Array.from({ length: WORKERS }, work), collect()])

    expect(world.unforeseen).toEqual([])
    expect(clients.verified).toBeGreaterThan(10)
    expect(removed).toBeGreaterThan(5)
    expect(collections).toBeGreaterThan(5)
    const text = '.'.repeat(collections)
    expect((await world.put(`${long}?digest=${digestOf(text)}`, '')).status).toBe(201)

    await world.collectLater()
    await expectNothingLoose(world)
  })
})

/** Expects the same blobs as files, rows and links; each is named by a manifest of its repository and has its digest. */
async function expectNothingLoose(world: CollectWorld): Promise<void> {
  const { files, blobs, links, referring, manifests } = await world.contents()
  // a client may delete a child and not its index
  const children = new Set<string>(IMAGES.map(({ digest }) => digest))
  const { db } = world.domain
  const named = db
    .prepare<{ link: string }>(
      `select distinct p.namespace || '/' || p.name || ' ' || r.digest as link
       from repository_manifests m join manifest_references r on r.image_id = m.image_id
       join repositories p on p.id = m.repository_id`,
    )
    .all()
    .map(({ link }) => link)
    .filter((link) => !children.has(link.split(' ')[1] ?? ''))
  expect(files).toEqual(blobs)
  expect([...new Set(links.map((link) => link.split(' ')[1]))].sort()).toEqual(blobs)
  expect(named.sort()).toEqual([...links].sort())
  expect(new Set(manifests.map((link) => link.split(' ')[1]))).toEqual(new Set(referring))
  expect(await world.blobs.uploads()).toEqual([])
  for (const digest of files) {
    await using blob = await world.blobs.open(digest)
    expect(digestOf((await blob?.read()) ?? '')).toBe(digest)
  }
}

describe('a promotion during a collection', () => {
  const app = image({ seed: 'app', layers: [layer('app')] })
  /** Promotes the image by its digest before the collector's transaction of this number; returns the number of transactions. */
  async function promoteBefore(number: number): Promise<number> {
    await using world = await openCollectWorld({ policy: { untaggedAfter: 0, keepTagRevisions: 1 } })
    await world.push('a/x', app, 'v1')
    await world.push('a/x', image({ seed: 'next' }), 'v1')
    world.pass(30 * DAY)
    let transactions = 0
    const promote = () =>
      world.domain.tagging.tagImage(SYSTEM, {
        ...{ namespace: 'b', imageStream: 'y', tag: 'prod', alias: false, reference: false },
        from: { kind: 'ImageStreamImage', name: `x@${app.digest}`, namespace: 'a' },
        ...{ scheduled: false, insecure: false },
      })
    const collector = world.collectorOf({
      db: beforeTransactions(world.domain.db, () => {
        if (++transactions === number) promote()
      }),
    })
    await collector.collect(SYSTEM)
    if (transactions < number) return transactions

    const { id } = world.domain.streams.byName(SYSTEM, 'b', 'y') ?? { id: 0 }
    const [tag] = world.domain.tags.named([id], 'prod' as TagName)
    const isServed = tag?.dockerImageReference === `registry.test/b/y@${app.digest}`
    const paths = ['manifests/prod', ...[app.config, ...app.layers].map(({ digest }) => `blobs/${digest}`)]
    const statuses = await Promise.all(paths.map((path) => world.status(`b/y/${path}`)))
    // after its content was removed a promotion keeps the pull spec of its source
    expect(statuses).toEqual(paths.map(() => (isServed ? 200 : 404)))
    return transactions
  }

  it('either keeps all of the image for its new tag, or came after its removal', async () => {
    let total = 1
    for (let number = 1; number <= total; number++) total = Math.max(total, await promoteBefore(number))
    expect(total).toBeGreaterThan(4)
  })
})
