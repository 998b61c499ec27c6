import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { MAX_PAGE_AGE } from '../../src/imagestream/watch/saved-pages.ts'
import { RegistryError } from '../../src/oci/registry-error.ts'
import { FakeRegistry } from '../fixtures/fake-registry.ts'
import { image } from '../fixtures/random-image.ts'
import { TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'

const MEBIBYTE = 1024 * 1024

let folder: string
let file: string
let remote: FakeRegistry
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-listing-'))
  file = join(folder, 'data.db')
  remote = new FakeRegistry()
  remote.pageSize = 10
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const nameOf = (at: number): string => `v${String(at).padStart(6, '0')}`

/** So many tags of one image. */
function release(tags: number): void {
  const content = image({ seed: 'one' })
  for (let at = 1; at <= tags; at++) remote.push(UPSTREAM, nameOf(at), content)
}

/** Stops the server while it requests the page after this tag. Returns the import's id. */
async function interruptBehind(at: number, time?: number): Promise<number> {
  await using domain = new TestDomain({ file, remote })
  domain.time = time ?? domain.time
  const held = remote.hold(({ kind, subject }) => kind === 'list' && subject === nameOf(at))
  using _ = { [Symbol.dispose]: () => held.release() }
  const { importId } = domain.writer.create(SYSTEM, {
    namespace: 'default',
    name: 'ruby',
    spec: { dockerImageRepository: UPSTREAM },
  })
  await held.reached
  await domain.importer[Symbol.asyncDispose]()
  remote.takeCalls()
  return importId ?? 0
}

describe('a tag list that was interrupted by a stop of the server', () => {
  it('resumes from a saved cursor', async () => {
    release(55)
    const id = await interruptBehind(30)

    await using domain = new TestDomain({ file, remote })
    domain.importer.resume()
    expect(await domain.finished(id)).toMatchObject({ state: 'SUCCEEDED', total: 55, imported: 55 })
    expect(remote.requested('list')).toEqual([30, 40, 50].map(nameOf))
    expect(domain.tagNames().sort()).toEqual(Array.from({ length: 55 }, (_, at) => nameOf(at + 1)))
    expect(domain.dump().import_listings).toEqual([])
  })

  it('contains a tag once that moved to another page meanwhile', async () => {
    release(25)
    const id = await interruptBehind(10)
    remote.untag(UPSTREAM, nameOf(3)).push(UPSTREAM, nameOf(3), image({ seed: 'again' }))

    await using domain = new TestDomain({ file, remote })
    domain.importer.resume()
    expect(await domain.finished(id)).toMatchObject({ state: 'SUCCEEDED', total: 25, imported: 25 })
    expect(domain.digests(nameOf(3))).toEqual([image({ seed: 'again' }).digest])
  })

  it('starts again if the cursor is refused', async () => {
    release(25)
    const id = await interruptBehind(20)
    remote.refuse(
      UPSTREAM,
      nameOf(20),
      new RegistryError('the token has expired', {
        reason: 'RegistryUnavailable',
        registry: 'registry.test',
        status: 400,
      }),
    )
    await using domain = new TestDomain({ file, remote })
    domain.importer.resume()
    // also refused when it is requested again: the number of requests to a broken registry is limited
    expect(await domain.finished(id)).toMatchObject({ state: 'FAILED', reason: 'RegistryUnavailable' })
    expect(remote.requested('list')).toEqual([nameOf(20), '', nameOf(10), nameOf(20)])
    expect(domain.dump().import_listings).toEqual([])
  })

  it('does not start again if the registry fails', async () => {
    release(25)
    const id = await interruptBehind(20)
    remote.fail(UPSTREAM, nameOf(20), 'RegistryUnavailable')
    await using domain = new TestDomain({ file, remote })
    domain.importer.resume()
    expect(await domain.finished(id)).toMatchObject({ state: 'FAILED', reason: 'RegistryUnavailable' })
    expect(remote.requested('list')).toEqual([nameOf(20)])
  })

  it('starts again if its pages are old', async () => {
    release(25)
    const id = await interruptBehind(20, Date.UTC(2026, 0, 1) - MAX_PAGE_AGE - 1)
    await using domain = new TestDomain({ file, remote })
    domain.importer.resume()
    expect(await domain.finished(id)).toMatchObject({ state: 'SUCCEEDED', total: 25 })
    expect(remote.requested('list')).toEqual(['', nameOf(10), nameOf(20)])
  })

  it('stores no pages for a list of one page, or for a deleted stream', async () => {
    release(5)
    {
      await using domain = new TestDomain({ file, remote })
      const before = domain.changes()
      await domain.create()
      expect(domain.dump().import_listings).toEqual([])
      expect(domain.changes()).toBeGreaterThan(before)
    }
    release(25)
    await using domain = new TestDomain({ file: ':memory:', remote })
    const held = remote.hold(({ kind, subject }) => kind === 'list' && subject === nameOf(20))
    domain.writer.create(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      spec: { dockerImageRepository: UPSTREAM },
    })
    await held.reached
    expect(domain.dump().import_listings).toHaveLength(2)
    domain.streamRemoval.delete(SYSTEM, { namespace: 'default', name: 'ruby' })
    held.release()
    expect(domain.dump().import_listings).toEqual([])
  })

  it('of 100,000 tags is continued, in bounded memory', async () => {
    remote.pageSize = 1000
    release(100_000)
    const id = await interruptBehind(60_000)
    const before = process.memoryUsage().heapUsed

    await using domain = new TestDomain({ file, remote, maximumTags: 10 })
    const held = remote.hold(({ kind }) => kind === 'resolve')
    domain.importer.resume()
    await held.reached
    const names = process.memoryUsage().heapUsed - before
    held.release()
    const finished = await domain.finished(id)

    expect(finished).toMatchObject({ state: 'SUCCEEDED', imported: 10 })
    expect(finished.additionalTags).toHaveLength(99_990)
    expect(remote.requested('list')).toHaveLength(40)
    // memory holds names, sort keys and uncollected garbage, and neither manifests nor raw pages
    expect(names).toBeLessThan(200 * MEBIBYTE)
  }, 60_000)
})
