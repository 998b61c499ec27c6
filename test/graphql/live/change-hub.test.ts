import { setImmediate as turn } from 'node:timers/promises'
import { type GraphQLError, parse } from 'graphql'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EVERYTHING } from '../../../src/access/right/rights.ts'
import { SYSTEM, type Viewer } from '../../../src/access/right/viewer.ts'
import { FairThread } from '../../../src/concurrency/fair-thread.ts'
import { createExecutor } from '../../../src/graphql/execute/executor.ts'
import type { GraphQLContext } from '../../../src/graphql/kit/context.ts'
import {
  type ChangeHub,
  type ChangeMember,
  type ChangePage,
  type ChangeReader,
  createChangeHub,
} from '../../../src/graphql/live/change-hub.ts'
import { OperationWork } from '../../../src/graphql/work/operation-work.ts'
import type { StreamName } from '../../../src/oci/stream-name.ts'
import { randomNumbers } from '../../fixtures/random-numbers.ts'
import { seedOf } from '../../fixtures/seed.ts'
import { createWorld, filterOf, type World } from '../../http/world.ts'

const thread = new FairThread()
let world: World
let hub: ChangeHub
let now = 0
let failures: unknown[]
let access: Grants
beforeEach(() => {
  access = new Grants()
  world = createWorld()
  now = 0
  failures = []
  hub = createChangeHub({
    changeLog: world.changeLog,
    authentication: access,
    fields: { imagePushed: filterOf },
    createContext: (viewer, connection) =>
      ({
        requestId: 'shared',
        viewer,
        work: new OperationWork(thread, { party: viewer.id, connection }),
        changeLog: world.changeLog,
      }) as Partial<GraphQLContext> as GraphQLContext,
    execute: createExecutor(
      ({ work }: GraphQLContext) =>
        () =>
          work.nextTurn(),
    ),
    log: { error: (details: unknown) => void failures.push(details) },
    now: () => now,
  })
})
afterEach(() => {
  hub[Symbol.dispose]()
  world[Symbol.dispose]()
})

/** Rights of viewers by their names: a function of the tag's stream; null for a revoked credential. */
class Grants {
  readonly #rights = new Map<string, ReadonlySet<string> | null>()
  readonly #listeners = new Set<() => void>()

  /** Returns the viewer; one without grants sees every stream. */
  viewerNamed(name: string): Viewer {
    const streams = this.#rights.get(name)
    const rights = streams
      ? {
          ...EVERYTHING,
          key: [...streams].sort().join(),
          may: (_: string, one: StreamName) => streams.has(one.name),
        }
      : { ...EVERYTHING, key: name }
    return { ...SYSTEM, id: name, name, rights }
  }
  grant(name: string, streams: readonly string[] | null): void {
    this.#rights.set(name, streams && new Set(streams))
    for (const listener of this.#listeners) listener()
  }
  renew = ({ name }: Viewer): Viewer | undefined =>
    this.#rights.get(name) === null ? undefined : this.viewerNamed(name)
  onChange = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** Records pages, and refuses them while it is busy. */
class Reader implements ChangeReader {
  readonly texts: string[] = []
  readonly sequences: number[] = []
  readonly pages: ChangePage[] = []
  error: GraphQLError | undefined
  isBusy = false
  take(page: ChangePage): boolean {
    if (this.isBusy) return false
    this.pages.push(page)
    for (const { json, sequence } of page.results) {
      this.texts.push(String(json))
      this.sequences.push(sequence)
    }
    return true
  }
  fail(error: GraphQLError): void {
    this.error = error
  }
}

interface Subscription {
  readonly query?: string
  readonly variables?: Record<string, unknown>
  readonly viewer?: string
  readonly operationName?: string
}

const QUERY = 'subscription ($since: String) { imagePushed(since: $since) { sequence tag } }'

function join({
  query = QUERY,
  variables = {},
  viewer = 'one client',
  operationName,
}: Subscription = {}): Reader & { member: ChangeMember } {
  const subscription = hub.subscribe({
    operation: { schema: world.schema, document: parse(query), variableValues: variables, operationName },
    viewer: access.viewerNamed(viewer),
  })
  if (!subscription) throw new Error('not a subscription to pushes')
  const reader = new Reader()
  return Object.assign(reader, { member: subscription.read(reader) })
}

const since = (sequence: number) => ({ variables: { since: world.changeLog.cursor(sequence) } })

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}

/** Enough turns of the event loop for all work that waits for nothing outside. */
async function quiet(): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await turn()
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('many subscribers of one operation', () => {
  it('cost one read of the log and one execution for each push', async () => {
    const readers = Array.from({ length: 1_000 }, () => join())
    await quiet()
    world.counters.reads = 0
    world.push({ tag: 'one' })
    await until(() => readers.every(({ texts }) => texts.length === 1))
    expect(world.counters).toEqual({ reads: 1, executions: 1 })
    expect(new Set(readers.map(({ pages }) => pages[0])).size).toBe(1)
  })

  it('share executions even when they resume from different cursors', async () => {
    world.push(...numbers(1, 100).map((n) => ({ tag: `v${n}` })))
    const readers = numbers(0, 99).map((n) => join(since(n)))
    await until(() => readers.every((reader, n) => reader.sequences.length === 100 - n))
    expect(world.counters.executions).toBe(100)
    expect(readers.map(({ sequences }) => sequences)).toEqual(numbers(0, 99).map((n) => numbers(n + 1, 100)))
  })

  it('do not share results that are older than a second', async () => {
    world.push({ tag: 'one' })
    const first = join(since(0))
    await until(() => first.texts.length === 1)
    now += 1_001
    const second = join(since(0))
    await until(() => second.texts.length === 1)
    expect(world.counters.executions).toBe(2)
  })
})

describe('results are not shared', () => {
  it.each<[string, Subscription, Subscription]>([
    [
      'other selections',
      { query: 'subscription { imagePushed { tag } }' },
      { query: 'subscription { imagePushed { sequence } }' },
    ],
    [
      'other variables',
      { query: 'subscription ($t: String) { imagePushed(tag: $t) { tag } }', variables: { t: 'a*' } },
      { query: 'subscription ($t: String) { imagePushed(tag: $t) { tag } }', variables: { t: '*' } },
    ],
    ['other viewers', { viewer: 'alice' }, { viewer: 'bob' }],
    [
      'a cursor that decides about more than the start',
      {
        query: 'subscription ($c: String) { imagePushed(since: $c, tag: $c) { tag } }',
        variables: { c: null },
      },
      { query: 'subscription ($c: String) { imagePushed(since: $c, tag: $c) { tag } }' },
    ],
  ])('%s', async (_name, one, other) => {
    const readers = [join(one), join(other)]
    world.push({ tag: 'a' })
    await until(() => readers.every(({ texts }) => texts.length === 1))
    expect(world.counters.executions).toBe(2)
  })
})

describe('an operation', () => {
  it('may have fragments, aliases and directives, and several operations beside it', async () => {
    const reader = join({
      query: `
        query Other { version }
        subscription Pushes($with: Boolean!) { ...Root }
        fragment Root on Subscription { pushed: imagePushed @skip(if: false) { ...Tag sequence @include(if: $with) } }
        fragment Tag on ImagePush { name: tag }`,
      operationName: 'Pushes',
      variables: { with: false },
    })
    world.push({ tag: 'one' })
    await until(() => reader.texts.length === 1)
    expect(reader.texts).toEqual(['{"data":{"pushed":{"name":"one"}}}'])
  })

  it('with another root field is not handled', () => {
    for (const query of ['{ version }', 'subscription { importProgressed(id: "i") { id } }']) {
      const operation = { schema: world.schema, document: parse(query) }
      expect(hub.subscribe({ operation, viewer: access.viewerNamed('one client') })).toBeUndefined()
    }
  })

  it('that skips its root field is refused', () => {
    const query = 'subscription { imagePushed @skip(if: true) { tag } }'
    expect(() => join({ query })).toThrow(expect.objectContaining({ extensions: { code: 'INVALID' } }))
  })

  it('gets only the pushes that match its filter', async () => {
    const reader = join({ query: 'subscription { imagePushed(imageStream: "r*", tag: "3.*") { sequence } }' })
    world.push({ tag: '3.1' }, { tag: '2.9' }, { tag: '3.2', imageStream: 'php' }, { tag: '3.3' })
    await until(() => reader.texts.length === 2)
    expect(reader.sequences).toEqual([1, 4])
  })
})

describe('a position', () => {
  it('without a cursor is the end of the log at the time of the subscription', async () => {
    world.push({ tag: 'before' })
    const reader = join()
    world.push({ tag: 'after' })
    await until(() => reader.texts.length > 0)
    expect(reader.sequences).toEqual([2])
  })

  it('far back is read in pages, of this subscription only, and then from the shared tail', async () => {
    world.push(...numbers(1, 3_000).map((n) => ({ tag: n % 2 ? 'odd' : 'even' })))
    const reader = join({
      query: 'subscription ($since: String) { imagePushed(since: $since, tag: "odd") { sequence } }',
      ...since(5),
    })
    await until(() => reader.sequences.at(-1) === 2_999)
    world.push({ tag: 'odd' })
    await until(() => reader.sequences.at(-1) === 3_001)
    expect(reader.sequences).toEqual(numbers(6, 3_001).filter((n) => n % 2))
  })

  it('that a trimmed log no longer contains is an error: at the start, and for a reader that fell behind', async () => {
    world.push(...numbers(1, 2_000).map((n) => ({ pushedAt: n })))
    const sleeper = join(since(10))
    sleeper.isBusy = true
    await quiet()
    await world.changeLog.dropBefore(1_000)
    expect(() => join(since(10))).toThrow(expect.objectContaining({ code: 'CURSOR_EXPIRED' }))
    sleeper.isBusy = false
    sleeper.member.resume()
    // one page was rendered before the log was trimmed; the log no longer has the next one
    await until(() => sleeper.error !== undefined)
    expect(sleeper.error?.extensions.code).toBe('CURSOR_EXPIRED')
    expect(failures).toEqual([])
  })
})

describe('a reader that is busy', () => {
  it('gets nothing until it resumes, and then misses nothing; other readers do not wait for it', async () => {
    const busy = join()
    const other = join()
    busy.isBusy = true
    for (const tag of ['one', 'two', 'three']) {
      world.push({ tag })
      await until(() => other.texts.length === world.changeLog.head())
    }
    expect(busy.texts).toEqual([])
    busy.isBusy = false
    busy.member.resume()
    await until(() => busy.texts.length === 3)
    expect(busy.sequences).toEqual([1, 2, 3])
  })

  it('gets nothing more once it has left', async () => {
    const gone = join()
    gone.isBusy = true
    world.push({})
    await quiet()
    gone.isBusy = false
    gone.member.leave()
    gone.member.resume()
    world.push({})
    await quiet()
    expect(gone.texts).toEqual([])
  })
})

describe('a log that cannot be read', () => {
  it('ends the subscriptions with a masked and logged error, and no reader waits', async () => {
    const reader = join()
    const { readEntries } = world.changeLog
    Object.assign(world.changeLog, {
      readEntries: () => {
        throw new Error('disk I/O error in /var/lib/secret')
      },
    })
    world.push({})
    await until(() => reader.error !== undefined)
    expect(reader.error).toMatchObject({ extensions: { code: 'INTERNAL', requestId: 'shared' } })
    expect(reader.error?.message).not.toContain('secret')
    expect(failures).toHaveLength(1)
    Object.assign(world.changeLog, { readEntries })
    const next = join({ variables: { since: world.changeLog.cursor(0) } })
    await until(() => next.texts.length === 1)
  })
})

describe('rights', () => {
  const streams = (...names: string[]) => names.map((imageStream) => ({ imageStream }))

  it('are shared: viewers with equal rights cost one execution of each entry that they see', async () => {
    access.grant('alice', ['ruby', 'php'])
    access.grant('bob', ['php', 'ruby'])
    access.grant('carol', ['php'])
    const readers = ['alice', 'bob', 'carol'].map((viewer) => join({ viewer }))
    world.push(...streams('ruby', 'secret', 'php'))
    await until(() => readers.every(({ sequences }) => sequences.at(-1) === 3))
    expect(readers.map(({ sequences }) => sequences)).toEqual([[1, 3], [1, 3], [3]])
    expect(world.counters.executions).toBe(3)
  })

  it('that are lost end with the change: a push that was committed before it is not sent after it', async () => {
    access.grant('alice', ['ruby', 'php'])
    const alice = join({ viewer: 'alice' })
    world.push(...streams('ruby', 'php'))
    access.grant('alice', ['php'])
    world.push(...streams('ruby', 'php'))
    await until(() => alice.sequences.length === 2)
    await quiet()
    expect(alice.sequences).toEqual([2, 4])
  })

  it('that are lost while the connection is busy are not used when it has drained', async () => {
    access.grant('alice', ['ruby', 'php'])
    const alice = join({ viewer: 'alice' })
    alice.isBusy = true
    world.push(...streams('ruby', 'php'))
    await quiet()
    access.grant('alice', ['php'])
    alice.isBusy = false
    await quiet()
    expect(alice.sequences).toEqual([])
    alice.member.resume()
    await until(() => alice.sequences.length === 1)
    expect(alice.sequences).toEqual([2])
  })

  it('that are gained apply from the position on, without a gap or a duplicate', async () => {
    access.grant('alice', ['php'])
    const alice = join({ viewer: 'alice' })
    world.push(...streams('ruby', 'php'))
    await until(() => alice.sequences.length === 1)
    access.grant('alice', ['ruby', 'php'])
    world.push(...streams('ruby', 'php', 'secret', 'ruby'))
    await until(() => alice.sequences.length === 4)
    expect(alice.sequences).toEqual([2, 3, 4, 6])
  })

  it('that are revoked end the subscription, and a later one does not begin', async () => {
    const alice = join({ viewer: 'alice' })
    const bob = join({ viewer: 'bob' })
    world.push({})
    access.grant('alice', null)
    world.push({})
    await until(() => bob.sequences.length === 2)
    expect(alice.error).toMatchObject({ extensions: { code: 'UNAUTHENTICATED' } })
    expect(alice.sequences).toEqual([])
    expect(hub.size).toBe(1)
    const again = join({ viewer: 'alice' })
    await until(() => again.error !== undefined)
    expect(again.error).toMatchObject({ extensions: { code: 'UNAUTHENTICATED' } })
  })

  it('decide about each push at the time it is sent, for every interleaving of pushes and grants', async () => {
    const random = generator(99)
    const names = ['a', 'b', 'c']
    const some = (): string[] => names.filter(() => random(2))
    for (let round = 0; round < 30; round++) {
      const viewer = `viewer ${round}`
      access.grant(viewer, some())
      const reader = join({ viewer })
      const start = world.changeLog.head()
      const seen: string[] = []
      for (let step = 0; step < 20; step++) {
        const granted = some()
        access.grant(viewer, granted)
        const imageStream = names[random(3)] ?? 'a'
        world.push({ imageStream })
        if (granted.includes(imageStream)) seen.push(String(start + step + 1))
        await quiet()
      }
      expect(reader.sequences.map(String)).toEqual(seen)
      reader.member.leave()
    }
  })
})

describe('any interleaving of pushes, joins, leaves and pauses', () => {
  it.each(numbers(1, 8))(
    'delivers to each reader exactly the pushes after its position (seed %i)',
    async (seed) => {
      const random = generator(seed)
      const queries = [
        QUERY,
        QUERY.replace('sequence tag', 'tag'),
        QUERY.replace('since: $since', 'since: $since, tag: "a*"'),
      ]
      const members: { reader: ReturnType<typeof join>; from: number; to: number; onlyA: boolean }[] = []
      const tags: string[] = ['']
      for (let step = 0; step < 600; step++) {
        const dice = random(10)
        if (dice < 4) {
          const batch = numbers(1, 1 + random(step % 50 === 0 ? 700 : 5)).map(() => ({
            tag: random(2) ? 'a1' : 'b1',
          }))
          tags.push(...batch.map(({ tag }) => tag))
          world.push(...batch)
        } else if (dice < 7) {
          const query = queries[random(3)] ?? QUERY
          const head = world.changeLog.head()
          const from = random(2) ? head : random(head + 1)
          const variables = from === head && random(2) ? {} : { since: world.changeLog.cursor(from) }
          members.push({
            reader: join({ query, variables }),
            from,
            to: Number.POSITIVE_INFINITY,
            onlyA: query.includes('a*'),
          })
        } else {
          const member = members[random(members.length || 1)]
          if (member && dice === 7 && member.to > tags.length) {
            member.reader.member.leave()
            member.to = member.reader.sequences.at(-1) ?? member.from
          } else if (member) {
            member.reader.isBusy = !member.reader.isBusy
            if (!member.reader.isBusy) member.reader.member.resume()
          }
        }
        if (random(3) === 0) await turn()
      }
      for (const { reader } of members) {
        reader.isBusy = false
        reader.member.resume()
      }
      const expected = members.map(({ from, to, onlyA }) =>
        numbers(from + 1, Math.min(to, tags.length - 1)).filter((n) => !onlyA || tags[n] === 'a1'),
      )
      await until(() =>
        members.every(({ reader }, i) => reader.sequences.length >= (expected[i]?.length ?? 0)),
      )
      await quiet()
      expect(members.map(({ reader }) => reader.sequences)).toEqual(expected)
    },
  )
})

/** Returns a generator of whole numbers below a limit, deterministic for a seed. */
function generator(seed: number): (limit: number) => number {
  const random = randomNumbers(seedOf(`push hub ${seed}`))
  return (limit) => Math.floor(random() * limit)
}
