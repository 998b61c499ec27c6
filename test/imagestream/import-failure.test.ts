import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

const push = (tag: string, seed: string | number): void => {
  domain.remote.push(UPSTREAM, tag, image({ seed }))
}

describe('a tag that fails', () => {
  it('does not affect other tags', async () => {
    for (const tag of ['latest', '3.3', '3.4']) push(tag, tag)
    domain.remote.fail(UPSTREAM, '3.3', 'TooManyRequests')
    const { imported } = await domain.create()

    expect(imported).toMatchObject({ state: 'PARTIALLY_SUCCEEDED', imported: 2, failed: 1, message: null })
    expect(domain.condition('3.3')).toMatchObject({
      status: 'False',
      reason: 'TooManyRequests',
      generation: 1,
    })
    expect(domain.results(imported?.id ?? 0).find(({ tag }) => tag === '3.3')).toMatchObject({
      state: 'FAILED',
      reason: 'TooManyRequests',
      message: expect.stringContaining(UPSTREAM),
      imageId: null,
    })
  })

  it('keeps its history, stores an equal failure once, and recovers with a success', async () => {
    push('latest', 1)
    await domain.create()
    domain.remote.fail(UPSTREAM, 'latest', 'Unauthorized')
    await domain.import()
    const { resourceVersion } = domain.stream()
    domain.time += 60_000
    await domain.import()

    expect(domain.stream().resourceVersion).toBe(resourceVersion)
    expect(domain.condition('latest')?.reason).toBe('Unauthorized')
    expect(domain.history('latest')).toHaveLength(1)

    domain.remote.fail(UPSTREAM, 'latest', null)
    const healed = await domain.import()

    expect(healed).toMatchObject({ unchanged: 1, failed: 0 })
    expect(domain.condition('latest')).toBeUndefined()
    expect(domain.log()).toHaveLength(1)
  })

  it.each(['Legacy', 'PreserveOriginal'] as const)(
    'because a part of its manifest is missing does not count as deleted, in mode %s',
    async (importMode) => {
      const content = image({ seed: 'broken' })
      domain.remote.push(UPSTREAM, 'broken', content)
      domain.remote.fail(UPSTREAM, content.config.digest, 'NotFound')
      await domain.create({
        spec: {
          dockerImageRepository: UPSTREAM,
          importPolicy: { insecure: false, scheduled: false, importMode },
        },
      })

      expect(domain.condition('broken')).toMatchObject({ status: 'False', reason: 'InvalidManifest' })
    },
  )

  it('and then succeeds has the same state as one that never failed', async () => {
    push('latest', 1)
    push('3.3', 2)
    domain.remote.fail(UPSTREAM, '3.3', 'RegistryUnavailable')
    await domain.create()
    domain.remote.fail(UPSTREAM, '3.3', null)
    const again = await domain.import()

    expect(again).toMatchObject({ state: 'SUCCEEDED', imported: 1, unchanged: 1 })
    expect(domain.digests('3.3')).toEqual([image({ seed: 2 }).digest])
    expect(domain.condition('3.3')).toBeUndefined()
  })

  it('because it was deleted after it was listed creates no tag', async () => {
    push('latest', 1)
    push('gone', 2)
    const held = domain.remote.hold(({ subject }) => subject === 'gone')
    const { importId } = domain.writer.create(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      spec: { dockerImageRepository: UPSTREAM },
    })
    await held.reached
    domain.remote.untag(UPSTREAM, 'gone')
    held.release()
    const imported = await domain.finished(importId ?? 0)

    expect(imported).toMatchObject({ state: 'PARTIALLY_SUCCEEDED', failed: 1 })
    expect(domain.tagNames()).toEqual(['latest'])
  })

  it('because it was deleted upstream is NotFound if it is known', async () => {
    push('latest', 1)
    await domain.create({ spec: { tags: [fromImage('latest', UPSTREAM)] } })
    domain.remote.untag(UPSTREAM, 'latest')
    await domain.import()

    expect(domain.condition('latest')?.reason).toBe('NotFound')
    expect(domain.history('latest')).toHaveLength(1)
  })

  it('because a spec tag does not exist upstream is NotFound', async () => {
    push('latest', 1)
    await domain.create({ spec: { tags: [fromImage('x', `${UPSTREAM}:nothing`)] } })

    expect(domain.condition('x')?.reason).toBe('NotFound')
    expect(domain.tagNames()).toEqual(['x'])
  })

  it('because of an internal error is InternalError, without the cause, which is logged', async () => {
    push('latest', 1)
    push('3.3', 2)
    const repository = domain.remote.repository.bind(domain.remote)
    domain.remote.repository = (reference, options) => ({
      ...repository(reference, options),
      async resolveTag(tag, known) {
        if (tag === 'latest') throw new TypeError('secret at postgres://u:p@h')
        return repository(reference, options).resolveTag(tag, known)
      },
    })
    await domain.create()

    expect(domain.condition('latest')).toMatchObject({ reason: 'InternalError' })
    expect(domain.condition('latest')?.message).not.toContain('secret')
    expect(domain.internalErrors).toHaveLength(1)
    expect(domain.digests('3.3')).toHaveLength(1)
  })
})
