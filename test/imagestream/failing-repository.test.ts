import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { LONGEST_IMPORT } from '../../src/imagestream/import/import-run.ts'
import { REPORTED_TAGS } from '../../src/imagestream/import/transition-reports.ts'
import type { StreamCondition } from '../../src/imagestream/stream/stream-conditions.ts'
import type { FailureReason } from '../../src/oci/failure-reason.ts'
import { image } from '../fixtures/random-image.ts'
import { ALL, fromImage, TestDomain, tagName, UPSTREAM } from '../fixtures/test-domain.ts'

const MINUTE = 60_000
const OTHER = 'registry.test/other'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

const push = (...tags: string[]): void => {
  for (const tag of tags) domain.remote.push(UPSTREAM, tag, image({ seed: tag }))
}
const conditions = (name = 'ruby'): StreamCondition[] => {
  const { id } = domain.stream(name)
  return domain.streamConditions.ofStreams([id]).get(id) ?? []
}
/** Names of the failing streams by the search, which must agree with the count. */
const failing = async (reason?: FailureReason): Promise<string[]> => {
  const page = await domain.streams.page(SYSTEM, { failing: { reason }, order: 'NAME', page: ALL })
  const found = page.map(({ name }) => name)
  expect(await domain.streams.count(SYSTEM, { failing: { reason } })).toBe(found.length)
  return found
}
const reported = () => domain.reports.splice(0)
const RUBY = { namespace: 'default', imageStream: 'ruby' }

describe('a stream whose whole repository fails', () => {
  it.each(['NotFound', 'RegistryUnavailable', 'Unauthorized', 'Forbidden', 'TooManyRequests'] as const)(
    'has the condition ImportSuccess=False with reason, message and time: %s',
    async (reason) => {
      push('latest')
      domain.remote.fail(UPSTREAM, '', reason)
      await domain.create()

      expect(conditions()).toMatchObject([
        {
          type: 'ImportSuccess',
          status: 'False',
          reason,
          message: `${UPSTREAM}: the tag list: ${reason}`,
          lastTransitionTime: domain.time,
          generation: 1,
        },
      ])
      expect(await failing()).toEqual(['ruby'])
      expect(await failing(reason)).toEqual(['ruby'])
      expect(await failing('InvalidManifest')).toEqual([])
      expect(domain.streamConditions.countFailing()).toEqual({ repositories: { [reason]: 1 }, tags: {} })
      expect(reported()).toEqual([{ ...RUBY, tag: null, failure: expect.objectContaining({ reason }) }])
    },
  )

  it('keeps the time of the failure while it lasts, also for another reason, and is reported once', async () => {
    domain.remote.fail(UPSTREAM, '', 'RegistryUnavailable')
    await domain.create()
    const since = domain.time
    const { resourceVersion } = domain.stream()
    domain.time += MINUTE
    await domain.import()
    expect(domain.stream().resourceVersion).toBe(resourceVersion)

    domain.remote.fail(UPSTREAM, '', 'Unauthorized')
    await domain.import()

    expect(conditions()).toMatchObject([{ reason: 'Unauthorized', lastTransitionTime: since }])
    expect(domain.stream().resourceVersion).toBeGreaterThan(resourceVersion)
    expect(await failing('RegistryUnavailable')).toEqual([])
    expect(reported()).toHaveLength(1)
  })

  it('recovers with the first import that reads it, which is reported once', async () => {
    domain.remote.fail(UPSTREAM, '', 'RegistryUnavailable')
    await domain.create()
    reported()
    push('latest')
    domain.remote.fail(UPSTREAM, '', null)
    const { resourceVersion } = domain.stream()
    await domain.import()
    await domain.import()

    expect(conditions()).toEqual([])
    expect(await failing()).toEqual([])
    expect(domain.stream().resourceVersion).toBeGreaterThan(resourceVersion)
    expect(domain.streamConditions.countFailing()).toEqual({ repositories: {}, tags: {} })
    expect(reported()).toEqual([{ ...RUBY, tag: null, failure: null }])
  })

  it('fails also where its spec tags succeed, and says so in the annotation of the check', async () => {
    push('latest')
    domain.remote.push(OTHER, 'one', image({ seed: 1 }))
    domain.remote.fail(UPSTREAM, '', 'Forbidden')
    const { imported } = await domain.create({
      spec: { dockerImageRepository: UPSTREAM, tags: [fromImage('one', `${OTHER}:one`)] },
    })

    expect(imported).toMatchObject({ state: 'PARTIALLY_SUCCEEDED', imported: 1 })
    expect(conditions()).toMatchObject([{ reason: 'Forbidden' }])
    expect(domain.stream().repositoryCheck).toBe(`${UPSTREAM}: the tag list: Forbidden`)
  })

  it('fails where the list can be read and none of its tags', async () => {
    push('latest', '1.0')
    for (const tag of ['latest', '1.0']) domain.remote.fail(UPSTREAM, tag, 'Forbidden')
    await domain.create()

    expect(conditions()).toMatchObject([
      {
        reason: 'Forbidden',
        message: `${UPSTREAM}: none of its 2 tags can be imported; ${UPSTREAM}: latest: Forbidden`,
      },
    ])
    domain.remote.fail(UPSTREAM, '1.0', null)
    await domain.import()
    expect(conditions()).toEqual([])
    expect(await failing('Forbidden')).toEqual(['ruby'])
  })

  it('does not fail where a listed tag fails and another one does not, nor where the repository is empty', async () => {
    push('latest', '1.0')
    domain.remote.fail(UPSTREAM, '1.0', 'Forbidden')
    await domain.create()
    expect(conditions()).toEqual([])
    expect(await failing()).toEqual(['ruby'])

    for (const tag of ['latest', '1.0']) {
      domain.remote.untag(UPSTREAM, tag)
      domain.remote.fail(UPSTREAM, tag, null)
    }
    await domain.import()
    expect(conditions()).toEqual([])
  })

  it('fails where the import exceeds the longest time, and after an internal error', async () => {
    push('latest')
    await domain.create()
    const held = domain.remote.hold(({ kind }) => kind === 'list')
    const importId = domain.beginImport()
    await held.reached
    domain.time += LONGEST_IMPORT + 1
    held.release()
    await domain.finished(importId)
    expect(conditions()).toMatchObject([
      { reason: 'RegistryUnavailable', message: expect.stringContaining('exceeded 6 hours') },
    ])

    const repository = domain.remote.repository.bind(domain.remote)
    domain.remote.repository = () => {
      throw new TypeError('broken')
    }
    await domain.import()
    expect(conditions()).toMatchObject([{ reason: 'InternalError' }])
    domain.remote.repository = repository
    await domain.import()
    expect(conditions()).toEqual([])
  })

  it('keeps its condition when an import of one of its tags succeeds, and when a dry run does', async () => {
    push('latest')
    domain.remote.fail(UPSTREAM, '', 'Forbidden')
    await domain.create()
    const { id } = domain.stream()
    const request = {
      repository: false,
      specTags: [],
      repositoryTags: [tagName('latest')],
      urgency: 'webhook',
    } as const
    await domain.finished(domain.db.transact((tx) => domain.importer.request(tx, id, request)))
    domain.remote.fail(UPSTREAM, '', null)
    await domain.import({ dryRun: true })

    expect(domain.digests('latest')).toHaveLength(1)
    expect(conditions()).toMatchObject([{ reason: 'Forbidden' }])
  })

  it('ceases to fail when the spec no longer has the repository', async () => {
    domain.remote.fail(UPSTREAM, '', 'Forbidden')
    await domain.create()
    domain.writer.update(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      spec: { dockerImageRepository: null },
    })

    expect(conditions()).toEqual([])
    expect(await failing()).toEqual([])
  })

  it('is reported again when another repository of its spec fails too', async () => {
    domain.remote.fail(UPSTREAM, '', 'Forbidden')
    await domain.create()
    const { importId } = domain.writer.update(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      spec: { dockerImageRepository: OTHER },
    })
    await domain.finished(importId ?? 0)

    expect(conditions()).toMatchObject([{ reason: 'NotFound', generation: 2 }])
    expect(reported()).toMatchObject([
      { failure: { reason: 'Forbidden' } },
      { failure: { reason: 'NotFound' } },
    ])
  })

  it('gets no condition from an import that another repository of the spec has made obsolete', async () => {
    domain.remote.fail(UPSTREAM, '', 'Forbidden')
    domain.remote.push(OTHER, 'one', image({ seed: 1 }))
    const held = domain.remote.hold(({ repository }) => repository === UPSTREAM)
    const first = domain.writer.create(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      spec: { dockerImageRepository: UPSTREAM },
    })
    await held.reached
    const second = domain.writer.update(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      spec: { dockerImageRepository: OTHER },
    })
    held.release()
    await domain.finished(first.importId ?? 0)
    expect(conditions()).toEqual([])
    await domain.finished(second.importId ?? 0)
    expect(conditions()).toEqual([])
    expect(reported()).toEqual([])
  })

  it('is deleted with its condition', async () => {
    domain.remote.fail(UPSTREAM, '', 'Forbidden')
    await domain.create()
    domain.streamRemoval.delete(SYSTEM, { namespace: 'default', name: 'ruby' })

    expect(domain.streamConditions.countFailing()).toEqual({ repositories: {}, tags: {} })
  })
})

describe('the same failure', () => {
  it('is not reported again after a restart, and its end is', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'imagestreams-'))
    try {
      const file = join(folder, 'imagestreams.db')
      {
        await using before = new TestDomain({ file })
        before.remote.fail(UPSTREAM, '', 'RegistryUnavailable')
        await before.create()
        expect(before.reports).toHaveLength(1)
      }
      await using after = new TestDomain({ file })
      after.remote.fail(UPSTREAM, '', 'RegistryUnavailable')
      await after.import()
      expect(after.reports).toEqual([])
      after.remote.push(UPSTREAM, 'latest', image({ seed: 1 }))
      after.remote.fail(UPSTREAM, '', null)
      await after.import()
      expect(after.reports).toEqual([{ ...RUBY, tag: null, failure: null }])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('is reported once by a schedule', async () => {
    domain.remote.fail(UPSTREAM, '', 'RegistryUnavailable')
    const importPolicy = { insecure: false, scheduled: true, importMode: 'Legacy' } as const
    const { stream } = await domain.create({ spec: { dockerImageRepository: UPSTREAM, importPolicy } })
    for (let times = 0; times < 3; times++) {
      domain.time += 60 * MINUTE
      const request = domain.db.transact((tx) =>
        domain.importer.request(tx, stream.id, domain.schedules.take(tx, stream.id)),
      )
      await domain.finished(request)
    }

    expect(domain.schedules.ofStreams([stream.id])).toMatchObject([{ reason: 'RegistryUnavailable' }])
    expect(reported()).toHaveLength(1)
  })
})

describe('the schedule of a repository', () => {
  const importPolicy = { insecure: false, scheduled: true, importMode: 'Legacy' } as const
  const scheduled = () => domain.schedules.ofStreams([domain.stream().id]).find(({ tag }) => tag === '')

  it('has the failure of the condition, also where a spec tag succeeds', async () => {
    push('1.0')
    domain.remote.push(OTHER, 'one', image({ seed: 1 }))
    domain.remote.fail(UPSTREAM, '1.0', 'Forbidden')
    const tags = [fromImage('one', `${OTHER}:one`)]
    await domain.create({ spec: { dockerImageRepository: UPSTREAM, importPolicy, tags } })

    expect(conditions()).toMatchObject([{ reason: 'Forbidden' }])
    expect(scheduled()).toMatchObject({ reason: 'Forbidden', message: conditions()[0]?.message })
  })

  it('has no failure where only a spec tag fails', async () => {
    push('1.0')
    domain.remote.untag(UPSTREAM, '1.0')
    const tags = [fromImage('one', `${OTHER}:one`)]
    await domain.create({ spec: { dockerImageRepository: UPSTREAM, importPolicy, tags } })

    expect(conditions()).toEqual([])
    expect(scheduled()).toMatchObject({ reason: null, succeededAt: domain.time })
  })
})

describe('a failing tag', () => {
  it('is reported when it begins to fail and when it recovers, also by an import that a webhook started', async () => {
    push('latest', '1.0')
    await domain.create()
    domain.remote.fail(UPSTREAM, '1.0', 'TooManyRequests')
    const { id } = domain.stream()
    const request = {
      repository: false,
      specTags: [],
      repositoryTags: [tagName('1.0')],
      urgency: 'webhook',
    } as const
    for (let times = 0; times < 2; times++) {
      await domain.finished(domain.db.transact((tx) => domain.importer.request(tx, id, request)))
    }
    expect(reported()).toMatchObject([{ ...RUBY, tag: '1.0', failure: { reason: 'TooManyRequests' } }])
    expect(domain.streamConditions.countFailing()).toEqual({ repositories: {}, tags: { TooManyRequests: 1 } })
    expect(await failing('TooManyRequests')).toEqual(['ruby'])

    domain.remote.fail(UPSTREAM, '1.0', null)
    await domain.import()
    expect(reported()).toEqual([{ ...RUBY, tag: '1.0', failure: null }])
  })

  it('is reported where the list of its policy’s repository cannot be read', async () => {
    domain.remote.fail(UPSTREAM, '', 'Unauthorized')
    await domain.create({ spec: { tags: [fromImage('stable', UPSTREAM, { policy: { order: 'SEMVER' } })] } })

    expect(domain.condition('stable')).toMatchObject({ status: 'False', reason: 'Unauthorized' })
    expect(await failing('Unauthorized')).toEqual(['ruby'])
    expect(reported()).toMatchObject([{ tag: 'stable', failure: { reason: 'Unauthorized' } }])
    expect(domain.streamConditions.countFailing().tags).toEqual({ Unauthorized: 1 })
  })

  it('is reported as recovered when a client gives it another image', async () => {
    push('latest')
    domain.remote.fail(UPSTREAM, '1.0', 'Forbidden')
    await domain.create({
      spec: { tags: [fromImage('one', `${UPSTREAM}:1.0`), fromImage('latest', UPSTREAM)] },
    })
    reported()
    domain.tagging.tagImage(SYSTEM, {
      namespace: 'default',
      imageStream: 'ruby',
      tag: 'one',
      from: { kind: 'ImageStreamImage', name: `ruby@${image({ seed: 'latest' }).digest}` },
      ...{ alias: false, reference: false, scheduled: false, insecure: false },
    })

    expect(domain.condition('one')).toBeUndefined()
    expect(reported()).toEqual([{ ...RUBY, tag: 'one', failure: null }])
  })

  it('of very many in one import is reported as one of a number', async () => {
    const tags = Array.from({ length: REPORTED_TAGS + 15 }, (_, at) => `1.0.${at}`)
    push('latest', ...tags)
    for (const tag of tags) domain.remote.fail(UPSTREAM, tag, 'Forbidden')
    await domain.create()
    expect(reported()).toEqual([
      ...Array.from({ length: REPORTED_TAGS }, () => expect.objectContaining({ failure: expect.anything() })),
      { ...RUBY, failing: 15, recovered: 0 },
    ])

    for (const tag of tags) domain.remote.fail(UPSTREAM, tag, null)
    await domain.import()
    expect(reported().at(-1)).toEqual({ ...RUBY, failing: 0, recovered: 15 })
  })
})
