import { expect, it } from 'vitest'
import type { Transact } from '../../src/db/transact.ts'
import type { Trigger } from '../../src/triggers/definition/trigger.ts'
import type { FoundLink } from '../../src/triggers/run/attempt.ts'
import { createLinkSearch } from '../../src/triggers/run/link-search.ts'
import type { TriggerDelivery } from '../../src/triggers/state/delivery-rows.ts'

const NOT_YET: FoundLink = { link: null, isFinal: false, status: 200 }

interface Waiting {
  readonly id: number
  readonly followUrl: string
}

/** A search whose deliveries are due from the start, and asked for again five seconds later. */
class World {
  time = 0
  readonly asked: number[] = []
  readonly links = new Map<number, string | null>()
  readonly errors: unknown[] = []
  answer: (id: number) => Promise<FoundLink> = async () => NOT_YET
  #wake: (() => void) | undefined
  readonly #due: Map<number, number>
  readonly search

  constructor(waiting: readonly Waiting[]) {
    this.#due = new Map(waiting.map(({ id }) => [id, 0]))
    const hostOf = (id: number) => new URL(waiting.find((one) => one.id === id)?.followUrl ?? '').host
    const dueNow = () =>
      [...this.#due].filter(([, at]) => at <= this.time).sort(([, one], [, other]) => one - other)
    const run: Transact = (write) => write({ afterCommit: () => {} } as never)
    this.search = createLinkSearch({
      db: { transact: run, transactUnsynced: run },
      now: () => this.time,
      onError: (error) => this.errors.push(error),
      triggers: {
        byIds: (ids) =>
          new Map(ids.map((id) => [id, { id, namespace: 'team', host: hostOf(id) } as Trigger])),
      },
      deliveries: {
        toFollow: (limit) =>
          dueNow()
            .slice(0, limit)
            .map(([id]) => ({ id, triggerId: id }) as TriggerDelivery),
        postpone: (ids) => {
          for (const id of ids) this.#due.set(id, this.time + 5_000)
        },
        followed: ({ id }, link, isFinal) => {
          this.links.set(id, link)
          if (isFinal) this.#due.delete(id)
          else this.#due.set(id, this.time + 5_000)
        },
        nextFollowAt: () => (this.#due.size > 0 ? Math.min(...this.#due.values()) : undefined),
      },
      attempts: {
        findLink: (_trigger, delivery) => {
          const { id } = delivery as TriggerDelivery
          this.asked.push(id)
          return this.answer(id)
        },
      },
      setTimer: (callback) => {
        this.#wake = callback
        return () => {
          this.#wake = undefined
        }
      },
    })
  }

  /** Reports whether a search is planned. */
  get isPlanned(): boolean {
    return this.#wake !== undefined
  }

  later(milliseconds: number): void {
    this.time += milliseconds
    this.#wake?.()
  }
}

it('a link is asked for until there is one', async () => {
  const world = new World([{ id: 1, followUrl: 'https://jenkins.test/queue/item/1/api/json' }])
  world.search.wake()
  await world.search.idle()
  world.answer = async () => ({ link: 'https://jenkins.test/job/app/5/', isFinal: true, status: 200 })
  world.later(5_000)
  await world.search.idle()
  expect(world.asked).toEqual([1, 1])
  expect(world.links.get(1)).toBe('https://jenkins.test/job/app/5/')
  expect(world.isPlanned).toBe(false)
})

it('a host that does not respond delays no other', async () => {
  const slow = Array.from({ length: 10 }, (_, at) => ({ id: at, followUrl: `https://slow.test/${at}` }))
  const world = new World([...slow, { id: 10, followUrl: 'https://quick.test/' }])
  const waiting = new Promise<FoundLink>(() => {})
  world.answer = async (id) =>
    id < 10 ? waiting : { link: 'https://quick.test/5', isFinal: true, status: 200 }
  world.search.wake()
  await expect.poll(() => world.links.get(10)).toBe('https://quick.test/5')
  world.later(1_000)
  expect(world.asked).toEqual([0, 1, 2, 3, 10])
})

it('very many links of a host that does not respond delay no other', async () => {
  const slow = Array.from({ length: 500 }, (_, at) => ({ id: at, followUrl: `https://slow.test/${at}` }))
  const world = new World([...slow, { id: 500, followUrl: 'https://quick.test/' }])
  const waiting = new Promise<FoundLink>(() => {})
  world.answer = async (id) =>
    id < 500 ? waiting : { link: 'https://quick.test/5', isFinal: true, status: 200 }
  world.search.wake()
  for (let seconds = 0; seconds < 3; seconds++) world.later(1_000)
  await expect.poll(() => world.links.get(500)).toBe('https://quick.test/5')
})

it('an error is reported, and asked again later and not at once', async () => {
  const world = new World([{ id: 1, followUrl: 'https://jenkins.test/' }])
  world.answer = () => Promise.reject(new Error('the disk is full'))
  world.search.wake()
  await world.search.idle()
  expect(world.errors).toHaveLength(1)
  expect(world.asked).toEqual([1])
  world.later(1_000)
  await world.search.idle()
  expect(world.asked).toEqual([1, 1])
})
