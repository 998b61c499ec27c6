import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { FakeRegistry } from '../fixtures/fake-registry.ts'
import { image, releases } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'

let folder: string
let file: string
let remote: FakeRegistry
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-resume-'))
  file = join(folder, 'data.db')
  remote = new FakeRegistry()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = (): TestDomain => new TestDomain({ file, remote })

/** Starts an import, and stops the server before this tag is requested. Returns the import's id. */
async function interruptAt(tag: string, importId: (domain: TestDomain) => number): Promise<number> {
  await using domain = open()
  const held = remote.hold(({ kind, subject }) => kind === 'resolve' && subject === tag)
  using _ = { [Symbol.dispose]: () => held.release() }
  const id = importId(domain)
  await held.reached
  // the other tags are requested concurrently
  for await (const stands of domain.importer.follow(id)) {
    if (stands.imported + stands.unchanged + stands.failed === (stands.total ?? 0) - 1) break
  }
  // the server is stopped before the response to this request arrives
  await domain.importer[Symbol.asyncDispose]()
  return id
}

const create = (domain: TestDomain): number =>
  domain.writer.create(SYSTEM, {
    namespace: 'default',
    name: 'ruby',
    spec: { dockerImageRepository: UPSTREAM },
  }).importId ?? 0

describe('an import that was interrupted by a stop of the server', () => {
  it('is finished after the next start, without duplicate pushes or gaps in the log', async () => {
    for (const [tag, content] of releases(20)) remote.push(UPSTREAM, tag, content)
    const id = await interruptAt('1.0.3', create)
    remote.takeCalls()

    await using domain = open()
    const before = domain.importer.byIds(SYSTEM, [id]).get(id)
    expect(before).toMatchObject({ state: 'RUNNING', finishedAt: null })
    expect(domain.log()).toHaveLength(19)
    domain.importer.resume()
    const finished = await domain.finished(id)

    expect(finished).toMatchObject({
      state: 'SUCCEEDED',
      total: 20,
      imported: 20,
      startedAt: before?.startedAt,
    })
    expect(domain.log().map(({ sequence }) => sequence)).toEqual(
      // the first entry is the creation of the stream
      Array.from({ length: 20 }, (_, at) => at + 2),
    )
    expect(new Set(domain.log().map(({ tag }) => tag)).size).toBe(20)
    expect(domain.results(id)).toHaveLength(20)
    expect(remote.requested('resolve')).toEqual(['1.0.3'])
  })

  it('is continued in both states, running or pending', async () => {
    remote.push(UPSTREAM, 'latest', image({ seed: 1 })).push(UPSTREAM, '3.3', image({ seed: 2 }))
    let waiting = 0
    const running = await interruptAt('latest', (domain) => {
      const id = create(domain)
      waiting = domain.beginImport({ tag: '3.3' })
      return id
    })

    await using domain = open()
    domain.importer.resume()

    expect(await domain.finished(running)).toMatchObject({ state: 'SUCCEEDED', imported: 2 })
    expect(await domain.finished(waiting)).toMatchObject({ state: 'SUCCEEDED', unchanged: 1 })
    expect(domain.log()).toHaveLength(2)
  })

  it('imports the current upstream state, and reports the tags from before the stop', async () => {
    remote.push(UPSTREAM, 'latest', image({ seed: 1 })).push(UPSTREAM, '3.3', image({ seed: 2 }))
    const id = await interruptAt('latest', create)
    remote.push(UPSTREAM, 'latest', image({ seed: 3 }))

    await using domain = open()
    domain.importer.resume()
    await domain.finished(id)

    expect(domain.digests('latest')).toEqual([image({ seed: 3 }).digest])
    expect(domain.results(id).map(({ tag, state }) => [tag, state])).toEqual([
      ['latest', 'IMPORTED'],
      ['3.3', 'IMPORTED'],
    ])
  })

  it('requests failed tags again, and reports each tag once', async () => {
    remote.push(UPSTREAM, 'latest', image({ seed: 1 })).push(UPSTREAM, '3.3', image({ seed: 2 }))
    {
      await using domain = open()
      await domain.finished(create(domain))
    }
    remote.fail(UPSTREAM, '3.3', 'RegistryUnavailable')
    const id = await interruptAt('latest', (domain) => domain.beginImport())
    remote.fail(UPSTREAM, '3.3', null)

    await using domain = open()
    expect(domain.condition('3.3')?.reason).toBe('RegistryUnavailable')
    domain.importer.resume()
    const finished = await domain.finished(id)

    expect(finished).toMatchObject({ state: 'SUCCEEDED', unchanged: 2, failed: 0 })
    expect(domain.results(id).map(({ tag, state }) => [tag, state])).toEqual([
      ['latest', 'UNCHANGED'],
      ['3.3', 'UNCHANGED'],
    ])
    expect(domain.condition('3.3')).toBeUndefined()
    expect(domain.log()).toHaveLength(2)
  })

  it('fails if the registry is no longer available', async () => {
    remote.push(UPSTREAM, 'latest', image({ seed: 1 })).push(UPSTREAM, '3.3', image({ seed: 2 }))
    const id = await interruptAt('latest', create)
    remote.fail(UPSTREAM, '', 'RegistryUnavailable')

    await using domain = open()
    domain.importer.resume()

    expect(await domain.finished(id)).toMatchObject({
      state: 'PARTIALLY_SUCCEEDED',
      imported: 1,
      reason: 'RegistryUnavailable',
    })
  })

  it('is merged with an equal request before it is resumed', async () => {
    remote.push(UPSTREAM, 'latest', image({ seed: 1 }))
    let waiting = 0
    await interruptAt('latest', (domain) => {
      const { importId } = domain.writer.create(SYSTEM, {
        namespace: 'default',
        name: 'ruby',
        spec: { tags: [fromImage('a', UPSTREAM), fromImage('b', `${UPSTREAM}:missing`)] },
      })
      waiting = domain.beginImport({ tag: 'a' })
      return importId ?? 0
    })

    await using domain = open()
    expect(domain.beginImport({ tag: 'a' })).toBe(waiting)
    domain.importer.resume()
    expect(await domain.finished(waiting)).toMatchObject({ state: 'SUCCEEDED' })
  })
})

describe('a start without unfinished imports', () => {
  it('sends no request', async () => {
    remote.push(UPSTREAM, 'latest', image({ seed: 1 }))
    {
      await using domain = open()
      await domain.finished(create(domain))
    }
    remote.takeCalls()
    await using domain = open()
    domain.importer.resume()

    expect(domain.importRows.unfinished()).toEqual([])
    expect(remote.calls).toEqual([])
  })
})
