import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { KEPT_IMPORTS } from '../../src/imagestream/stored-import/import-rows.ts'
import type { Import } from '../../src/imagestream/stored-import/import-state.ts'
import { image, releases } from '../fixtures/random-image.ts'
import { ALL, fromImage, TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
  domain.remote.push(UPSTREAM, 'latest', image({ seed: 1 })).push(UPSTREAM, '3.3', image({ seed: 2 }))
})
afterEach(() => domain[Symbol.asyncDispose]())

const RUBY = { namespace: 'default', name: 'ruby' }
const begin = (name = 'ruby'): number =>
  domain.writer.create(SYSTEM, { namespace: 'default', name, spec: { dockerImageRepository: UPSTREAM } })
    .importId ?? 0
const importOf = (id: number): Import | undefined => domain.importer.byIds(SYSTEM, [id]).get(id)

describe('a spec that changes while its import runs', () => {
  it('supersedes the results of the older import', async () => {
    const held = domain.remote.hold(({ kind }) => kind === 'resolve')
    const older = begin()
    await held.reached
    domain.remote.push('mirror.test/ruby', 'latest', image({ seed: 'mirror' }))
    const { importId } = domain.writer.update(SYSTEM, {
      ...RUBY,
      spec: { dockerImageRepository: 'mirror.test/ruby' },
    })
    held.release()

    expect(await domain.finished(older)).toMatchObject({ state: 'FAILED', failed: 2, reason: 'Superseded' })
    await domain.finished(importId ?? 0)
    expect(domain.digests('latest')).toEqual([image({ seed: 'mirror' }).digest])
    expect(domain.tagNames()).toEqual(['latest'])
    expect(domain.log()).toHaveLength(1)
  })

  it('gets no condition for a failure of the older spec', async () => {
    domain.remote.fail(UPSTREAM, '3.3', 'Unauthorized')
    const held = domain.remote.hold(({ kind }) => kind === 'resolve')
    const { importId } = domain.writer.create(SYSTEM, {
      ...RUBY,
      spec: { tags: [fromImage('a', `${UPSTREAM}:3.3`)] },
    })
    await held.reached
    domain.writer.update(SYSTEM, { ...RUBY, spec: { tags: [] } })
    held.release()

    expect(await domain.finished(importId ?? 0)).toMatchObject({ state: 'FAILED', failed: 1 })
    expect(domain.tagNames()).toEqual([])
  })
})

describe('a stream that is deleted while its import runs', () => {
  it('ends the import, those that wait behind it, and the calls that wait for them', async () => {
    const held = domain.remote.hold(({ kind }) => kind === 'resolve')
    const running = begin()
    await held.reached
    const waiting = domain.beginImport({ tag: 'latest' })
    const watched = [running, waiting].map((id) => domain.finished(id))
    domain.streamRemoval.delete(SYSTEM, RUBY)

    const ended = {
      state: 'FAILED',
      reason: 'NotFound',
      message: 'the image stream was deleted',
    }
    expect(await Promise.all(watched)).toMatchObject([ended, ended])
    held.release()
    expect(domain.log()).toEqual([])
    expect(domain.dump()).toMatchObject({ tags: [], tag_events: [] })
    expect(domain.internalErrors).toEqual([])
  })

  it('keeps the state NotFound, even if the last tag was about to be recorded', async () => {
    const held = domain.remote.hold(({ kind }) => kind === 'config')
    const id = begin()
    await held.reached
    held.release()
    // the response has arrived, and its transaction has not started
    await Promise.resolve()
    domain.db.transactTogether(() => domain.streamRemoval.delete(SYSTEM, RUBY))
    await domain.finished(id)
    await domain.importer[Symbol.asyncDispose]()

    expect(importOf(id)).toMatchObject({ state: 'FAILED', message: 'the image stream was deleted' })
    expect(domain.internalErrors).toEqual([])
  })
})

describe('two imports of one stream', () => {
  it('are merged if they are equal and the first has not started', async () => {
    const held = domain.remote.hold()
    begin()
    await held.reached
    const [second, third, other] = [
      domain.beginImport(),
      domain.beginImport(),
      domain.beginImport({ tag: '3.3' }),
    ]
    held.release()
    await domain.finished(other)

    expect(third).toBe(second)
    expect(other).not.toBe(second)
    expect(domain.importer.countOfStreams([domain.stream().id]).get(domain.stream().id)).toBe(3)
    expect(domain.log()).toHaveLength(2)
  })

  it('run one after the other, those of two streams concurrently', async () => {
    const held = domain.remote.hold(({ kind }) => kind === 'list')
    const [first, other] = [begin(), begin('other')]
    await held.reached
    const second = domain.beginImport()

    expect([first, other, second].map((id) => importOf(id)?.state)).toEqual(['RUNNING', 'RUNNING', 'PENDING'])
    expect(domain.remote.requested('list')).toHaveLength(2)
    held.release()
    expect(await domain.finished(second)).toMatchObject({ unchanged: 2 })
  })
})

describe('waiting for an import', () => {
  it('returns the state at once with 0 seconds, else when it is finished', async () => {
    const held = domain.remote.hold()
    const id = begin()

    expect(await domain.importer.wait(id, 0)).toMatchObject({
      state: 'RUNNING',
      total: null,
      finishedAt: null,
    })
    const finished = domain.importer.wait(id, 20)
    held.release()
    expect(await finished).toMatchObject({ state: 'SUCCEEDED', total: 2 })
    expect(await domain.importer.wait(id, 20)).toMatchObject({ state: 'SUCCEEDED' })
  })

  it('returns the state when the time is over', async () => {
    const held = domain.remote.hold()
    const id = begin()

    expect(await domain.importer.wait(id, 0.01)).toMatchObject({ state: 'RUNNING' })
    held.release()
    await domain.finished(id)
  })

  it('returns undefined for an unknown id', async () => {
    expect(await domain.importer.wait(99, 20)).toBeUndefined()
  })
})

describe('following an import', () => {
  const follow = async (id: number): Promise<Import[]> => {
    const seen: Import[] = []
    for await (const stands of domain.importer.follow(id)) seen.push(stands)
    return seen
  }

  it('yields the state, then each change, and ends when it is finished', async () => {
    const held = domain.remote.hold(({ kind }) => kind === 'resolve')
    const id = begin()
    await held.reached
    const followed = follow(id)
    held.release()
    const seen = await followed

    expect(seen[0]).toMatchObject({ state: 'RUNNING', total: 2, imported: 0 })
    expect(seen.at(-1)).toMatchObject({ state: 'SUCCEEDED', imported: 2 })
  })

  it('yields a few states for hundreds of tags', async () => {
    for (const [tag, content] of releases(300, { images: 3 })) domain.remote.push(UPSTREAM, tag, content)
    const seen = await follow(begin())

    expect(seen.at(-1)).toMatchObject({ state: 'SUCCEEDED', imported: 302 })
    expect(seen.length).toBeLessThan(30)
  })

  it('yields the changes during a slow read next', async () => {
    const held = domain.remote.hold(({ subject }) => subject === '3.3')
    const latest = domain.remote.hold(({ subject }) => subject === 'latest')
    const id = begin()
    await Promise.all([held.reached, latest.reached])
    const reader = domain.importer.follow(id)
    expect((await reader.next()).value).toMatchObject({ imported: 0 })
    latest.release()
    for await (const stands of domain.importer.follow(id)) {
      if (stands.imported === 1) break
    }

    expect((await reader.next()).value).toMatchObject({ state: 'RUNNING', imported: 1 })
    held.release()
    await domain.finished(id)
  })

  it('yields one state if it is finished, none for an unknown id', async () => {
    const { imported } = await domain.create()

    expect(await follow(imported?.id ?? 0)).toHaveLength(1)
    expect(await follow(99)).toEqual([])
  })

  it('ends when the follower returns, even while it waits', async () => {
    const held = domain.remote.hold()
    const reports = domain.importer.follow(begin())
    expect((await reports.next()).value).toMatchObject({ state: 'RUNNING' })
    await held.reached
    const next = reports.next()
    await reports.return?.()

    expect(await next).toEqual({ done: true, value: undefined })
    held.release()
  })

  it('ends when the server stops', async () => {
    domain.remote.hold()
    const reports = domain.importer.follow(begin())
    await reports.next()
    const next = reports.next()
    await domain.importer[Symbol.asyncDispose]()

    expect(await next).toEqual({ done: true, value: undefined })
  })
})

describe('a stream’s imports', () => {
  it('are kept up to a limit, newest first, with their results', async () => {
    const { stream, imported } = await domain.create()
    const ids = [imported?.id ?? 0]
    for (let more = 0; more < KEPT_IMPORTS + 2; more++) ids.push((await domain.import({ tag: '3.3' })).id)
    const kept = domain.importer.ofStreams([stream.id], ALL).map(({ id }) => id)

    expect(kept).toEqual(ids.reverse().slice(0, KEPT_IMPORTS))
    expect(domain.importer.countOfStreams([stream.id]).get(stream.id)).toBe(KEPT_IMPORTS)
    expect(importOf(imported?.id ?? 0)).toBeUndefined()
    expect(domain.dump().import_failures).toEqual([])
    expect(
      domain.importer.ofStreams([stream.id], { limit: 2, after: [kept[0] ?? 0] }).map(({ id }) => id),
    ).toEqual(kept.slice(1, 4))
  })
})
