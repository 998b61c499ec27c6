import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { image, releases } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

const push = (tag: string, seed: string | number): void => {
  domain.remote.push(UPSTREAM, tag, image({ seed }))
}

/** Number of changed rows of each table. */
const changedTables = (before: Record<string, unknown[]>, after: Record<string, unknown[]>): string[] =>
  Object.keys(after).filter((table) => JSON.stringify(after[table]) !== JSON.stringify(before[table]))

describe('an import', () => {
  it('records for each tag the image that it points to, by digest', async () => {
    push('latest', 1)
    push('3.3', 2)
    const { stream, imported } = await domain.create()

    expect(imported).toMatchObject({
      streamId: stream.id,
      state: 'SUCCEEDED',
      startedAt: domain.time,
      finishedAt: domain.time,
      total: 2,
      imported: 2,
      unchanged: 0,
      failed: 0,
      reason: null,
      message: null,
    })
    expect(domain.history('latest')).toMatchObject([
      {
        dockerImageReference: `${UPSTREAM}@${image({ seed: 1 }).digest}`,
        generation: 1,
        createdAt: domain.time,
      },
    ])
    expect(domain.log().map(({ tag, source, imageStreamName }) => [tag, source, imageStreamName])).toEqual([
      ['latest', 'IMPORT', 'ruby'],
      ['3.3', 'IMPORT', 'ruby'],
    ])
  })

  it('imports exactly the changed tags the next time', async () => {
    push('latest', 1)
    push('3.3', 2)
    await domain.create()
    domain.time += 60_000
    push('latest', 3)
    const again = await domain.import()

    expect(again).toMatchObject({ state: 'SUCCEEDED', imported: 1, unchanged: 1 })
    expect(domain.digests('latest')).toEqual([image({ seed: 3 }).digest, image({ seed: 1 }).digest])
    expect(domain.log().slice(2)).toMatchObject([{ tag: 'latest', pushedAt: domain.time }])
    expect(domain.results(again.id).map(({ tag, state }) => [tag, state])).toEqual([
      ['latest', 'IMPORTED'],
      ['3.3', 'UNCHANGED'],
    ])
  })

  it('stores its time in the stream', async () => {
    push('latest', 1)
    const { stream } = await domain.create()

    expect(stream.repositoryCheck).toBe('2026-01-01T00:00:00Z')
  })
})

describe('an import without changes', () => {
  it('costs the tag list and one HEAD for each tag, and writes only its own record', async () => {
    for (const [tag, content] of releases(50, { images: 10 })) domain.remote.push(UPSTREAM, tag, content)
    await domain.create()
    domain.remote.takeCalls()
    domain.time += 60_000
    const before = domain.dump()
    const changesBefore = domain.changes()
    const again = await domain.import()

    expect(again).toMatchObject({ state: 'SUCCEEDED', imported: 0, unchanged: 50 })
    const kinds = domain.remote.takeCalls().map(({ kind }) => kind)
    expect(kinds).toEqual(['list', ...Array.from({ length: 50 }, () => 'resolve')])
    // the import's row when it is added, started and finished, and the times of the check of stream and repository
    expect(domain.changes() - changesBefore).toBe(5)
    const after = domain.dump()
    expect(changedTables(before, after).sort()).toEqual([
      'image_streams',
      'imports',
      'repository_watches',
      'sqlite_sequence',
    ])
    const [was] = before.image_streams ?? []
    expect(after.image_streams).toEqual([
      { ...(was as object), repository_check: '2026-01-01T00:01:00Z', checked_at: domain.time },
    ])
    expect(domain.results(again.id)).toHaveLength(50)
  })

  it('is no push, even if the generation of the spec rose', async () => {
    push('latest', 1)
    const importPolicy = { insecure: true, scheduled: false, importMode: 'Legacy' } as const
    await domain.create({ spec: { tags: [fromImage('latest', UPSTREAM)] } })
    domain.remote.takeCalls()
    const { importId } = domain.writer.update(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      spec: { tags: [fromImage('latest', UPSTREAM, { importPolicy })] },
    })
    await domain.finished(importId ?? 0)

    expect(domain.history('latest').map(({ generation }) => generation)).toEqual([2])
    expect(domain.log()).toHaveLength(1)
    expect(domain.remote.calls.map(({ kind }) => kind)).toEqual(['resolve'])
  })
})

describe('the state of an import', () => {
  it('is PARTIALLY_SUCCEEDED if the tag list failed and a spec tag succeeded', async () => {
    push('latest', 1)
    domain.remote.fail(UPSTREAM, '', 'Forbidden')
    const { imported } = await domain.create({
      spec: { dockerImageRepository: UPSTREAM, tags: [fromImage('a', UPSTREAM)] },
    })

    expect(imported).toMatchObject({
      state: 'PARTIALLY_SUCCEEDED',
      total: 1,
      imported: 1,
      reason: 'Forbidden',
      message: expect.stringContaining(UPSTREAM),
    })
  })

  it('is FAILED if the tag list failed, and the stream has the reason', async () => {
    const { imported, stream } = await domain.create()

    expect(imported).toMatchObject({ state: 'FAILED', total: 0, reason: 'NotFound' })
    expect(stream.repositoryCheck).toBe(imported?.message)
    expect(domain.tagNames()).toEqual([])
  })

  it('is FAILED if every tag failed, with the first reason', async () => {
    push('latest', 1)
    push('3.3', 2)
    domain.remote.fail(UPSTREAM, 'latest', 'Unauthorized')
    domain.remote.fail(UPSTREAM, '3.3', 'Unauthorized')
    const { imported } = await domain.create()

    expect(imported).toMatchObject({ state: 'FAILED', failed: 2, reason: 'Unauthorized' })
    expect(imported?.message).toContain(UPSTREAM)
  })

  it('has counts by result state, and pages of results by importance', async () => {
    for (const tag of ['latest', '3.3', '3.4', 'edge']) push(tag, tag)
    await domain.create()
    push('3.3', 'moved')
    domain.remote.fail(UPSTREAM, 'edge', 'NotFound')
    const { id } = await domain.import()
    const { importer } = domain

    expect(
      [undefined, 'IMPORTED', 'UNCHANGED', 'FAILED'].map((state) =>
        importer.countResults(id, state as 'FAILED'),
      ),
    ).toEqual([4, 1, 2, 1])
    const [first, second] = importer.results(id, { page: { limit: 1 } })
    expect([first?.tag, second?.tag]).toEqual(['latest', '3.4'])
    const rest = importer.results(id, { page: { limit: 10, after: [first?.importance ?? ''] } })
    expect(rest.map(({ tag }) => tag)).toEqual(['3.4', '3.3', 'edge'])
    const unchanged = importer.results(id, { state: 'UNCHANGED', page: { limit: 10 } })
    expect(unchanged.map(({ tag }) => tag)).toEqual(['latest', '3.4'])
  })
})
