import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { image } from '../fixtures/random-image.ts'
import { TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'
import { apply, applyOne, exported, imageStream, listOf } from './documents.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

describe('resourceVersion', () => {
  const change = { lookupPolicy: { local: true } }

  it('of the newest version is accepted, and an older one is CONFLICT', async () => {
    await domain.create({ spec: {} })
    const read = JSON.parse(exported(domain, 'ruby'))

    expect(applyOne(domain, { ...read, spec: change }).action).toBe('CONFIGURED')
    const before = domain.dump()
    expect(applyOne(domain, { ...read, spec: change })).toMatchObject({
      action: 'CONFLICT',
      message: expect.stringMatching(
        /^line \d+: metadata\.resourceVersion: default\/ruby is at resourceVersion 2, and the document has 1: read it again$/,
      ),
      importId: null,
      diff: '',
    })

    expect(domain.dump()).toEqual(before)
  })

  it('without a uid is compared, also for a stream that no longer exists', async () => {
    const document = imageStream(change, { resourceVersion: '1' })

    expect(applyOne(domain, document).message).toContain('default/ruby does not exist')
    expect(await domain.streams.count(SYSTEM, {})).toBe(0)
  })

  it('of an ImageStreamImport is compared too', async () => {
    domain.remote.push(UPSTREAM, 'latest', image({ seed: 1 }))
    await domain.create({ spec: {} })
    const { resourceVersion } = domain.stream()
    const document = (version: number, more: object = {}) => ({
      kind: 'ImageStreamImport',
      apiVersion: 'image.openshift.io/v1',
      metadata: { name: 'ruby', namespace: 'default', resourceVersion: String(version), ...more },
      spec: {
        import: true,
        images: [{ from: { kind: 'DockerImage', name: UPSTREAM }, to: { name: 'latest' } }],
      },
    })
    const before = domain.dump()

    expect(applyOne(domain, document(resourceVersion + 1)).action).toBe('CONFLICT')
    expect(applyOne(domain, document(1, { name: 'none' })).message).toContain('default/none does not exist')
    expect(domain.dump()).toEqual(before)

    expect(applyOne(domain, document(resourceVersion)).action).toBe('CONFIGURED')
    expect(applyOne(domain, document(resourceVersion)).action).toBe('CONFLICT')
  })

  it('that is outdated leaves out its document alone: the others are applied', async () => {
    await domain.create({ spec: {} })
    const stale = imageStream(change, { resourceVersion: '7' })
    const good = imageStream(change, { name: 'good' })

    expect(apply(domain, listOf(stale, good)).map(({ name, action }) => [name, action])).toEqual([
      ['ruby', 'CONFLICT'],
      ['good', 'CREATED'],
    ])
    expect(domain.stream().generation).toBe(1)
  })

  it('with the uid of another object is ignored', () => {
    const foreign = imageStream(change, {
      resourceVersion: '28417',
      uid: '6b0c5b77-2a5d-4f0f-9d6c-0f0d5f9a1c21',
    })

    expect(applyOne(domain, foreign).action).toBe('CREATED')
    expect(applyOne(domain, foreign).action).toBe('UNCHANGED')
  })
})
