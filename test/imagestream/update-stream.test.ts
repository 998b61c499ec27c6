import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { CreateStreamInput, UpdateStreamInput } from '../../src/imagestream/commands/write-stream.ts'
import type { SpecInput } from '../../src/imagestream/spec/spec.ts'
import { ConflictError, NotFoundError } from '../../src/input/errors.ts'
import { image, index } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
  domain.remote.push(UPSTREAM, 'latest', image({ seed: 1 })).push(UPSTREAM, '3.3', image({ seed: 2 }))
})
afterEach(() => domain[Symbol.asyncDispose]())

const RUBY = { namespace: 'default', name: 'ruby' }
const create = (input: Partial<CreateStreamInput> = {}) => domain.writer.create(SYSTEM, { ...RUBY, ...input })
const update = (input: Partial<UpdateStreamInput> = {}) => domain.writer.update(SYSTEM, { ...RUBY, ...input })
const spec = (input: SpecInput) => update({ spec: input })
const versions = () => {
  const { generation, resourceVersion } = domain.stream()
  return { generation, resourceVersion }
}
const policy = { insecure: false, scheduled: false, importMode: 'Legacy' } as const

describe('updating a stream', () => {
  it('without a difference writes nothing', () => {
    create({
      labels: [{ key: 'a', value: '1' }],
      spec: { tags: [fromImage('x', UPSTREAM, { reference: true })] },
    })
    const before = domain.dump()

    update({
      labels: [{ key: 'a', value: '1' }],
      annotations: [],
      spec: { tags: [fromImage('x', UPSTREAM, { reference: true })] },
    })
    update()
    update({ labels: null, annotations: null, spec: null })

    expect(domain.dump()).toEqual(before)
  })

  it('raises the resource version for labels, and the generation only for the spec', () => {
    create()
    update({ labels: [{ key: 'a', value: '1' }] })
    expect(versions()).toEqual({ generation: 1, resourceVersion: 2 })

    spec({ lookupPolicy: { local: true } })
    expect(versions()).toEqual({ generation: 2, resourceVersion: 3 })

    update({ annotations: [{ key: 'a', value: '1' }], spec: { lookupPolicy: { local: false } } })
    expect(versions()).toEqual({ generation: 3, resourceVersion: 4 })
  })

  it('keeps undefined fields, and clears null ones', async () => {
    await domain.create({
      spec: {
        dockerImageRepository: UPSTREAM,
        importPolicy: { insecure: true, scheduled: true, importMode: 'PreserveOriginal' },
        lookupPolicy: { local: true },
        tags: [fromImage('x', UPSTREAM)],
      },
    })
    spec({})
    expect(domain.stream()).toMatchObject({ dockerImageRepository: UPSTREAM, insecure: 1, lookupLocal: 1 })
    expect(domain.streams.specTags([domain.stream().id])).toHaveLength(1)

    const { importId } = spec({
      dockerImageRepository: null,
      importPolicy: null,
      lookupPolicy: null,
      tags: null,
    })

    expect(importId).toBeNull()
    expect(domain.stream()).toMatchObject({
      dockerImageRepository: null,
      insecure: 0,
      scheduled: 0,
      importMode: 'Legacy',
      lookupLocal: 0,
    })
    expect(domain.streams.specTags([domain.stream().id])).toEqual([])
  })

  it('imports only new and changed parts of the spec', async () => {
    await domain.create({ spec: { tags: [fromImage('a', `${UPSTREAM}:latest`)] } })
    domain.remote.takeCalls()

    const { importId } = spec({
      tags: [fromImage('a', `${UPSTREAM}:latest`), fromImage('b', `${UPSTREAM}:3.3`)],
    })
    await domain.finished(importId ?? 0)

    expect(domain.remote.requested('resolve')).toEqual(['3.3'])
    expect(domain.streams.specTags([domain.stream().id]).map(({ generation }) => generation)).toEqual([1, 2])
  })

  it('imports the repository again when its import policy changes, and not when only its schedule does', () => {
    create({ spec: { dockerImageRepository: UPSTREAM } })

    expect(spec({ importPolicy: { ...policy, scheduled: true } }).importId).toBeNull()
    expect(domain.stream().repositoryGeneration).toBe(1)
    expect(spec({ importPolicy: { ...policy, scheduled: true, insecure: true } }).importId).not.toBeNull()
    expect(domain.stream().repositoryGeneration).toBe(3)
  })

  it('to another registry makes its images be found there: an index with its images too', async () => {
    const moved = 'other.test/ruby'
    const [amd64, arm64] = [1, 2].map((seed) => image({ seed: `child ${seed}` }))
    if (!amd64 || !arm64) throw new Error('there are two images')
    const both = index([amd64, arm64])
    for (const repository of [UPSTREAM, moved]) {
      domain.remote.push(repository, 'latest', image({ seed: 1 })).push(repository, 'all', both)
    }
    const importPolicy = { ...policy, importMode: 'PreserveOriginal' } as const
    await domain.create({ spec: { dockerImageRepository: UPSTREAM, importPolicy } })
    const found = () => {
      const digests = [image({ seed: 1 }), both, amd64, arm64].map(({ digest }) => digest)
      return digests.map(
        (digest) => domain.images.byDigest(SYSTEM, digest)?.dockerImageReference.split('@')[0],
      )
    }
    expect(found()).toEqual(Array(4).fill(UPSTREAM))
    const pushes = domain.log().length

    const { importId } = spec({ dockerImageRepository: moved, importPolicy })
    await domain.finished(importId ?? 0)

    expect(found()).toEqual(Array(4).fill(moved))
    expect(domain.tag('latest')?.dockerImageReference).toBe(`${moved}@${image({ seed: 1 }).digest}`)
    // the images are the same
    expect(domain.log()).toHaveLength(pushes)
  })

  it('that removes a spec tag stops following its source, and keeps the tag and its history', async () => {
    await domain.create({ spec: { tags: [fromImage('a', UPSTREAM), fromImage('b', UPSTREAM)] } })
    const { stoppedSources } = spec({ tags: [fromImage('b', UPSTREAM)] })

    expect(stoppedSources).toEqual([{ tag: 'a', source: `DockerImage ${UPSTREAM}`, historyEntryCount: 1 }])
    expect(domain.tagNames()).toEqual(['a', 'b'])
    expect(domain.history('a')).toHaveLength(1)
    expect(domain.streams.specTags([domain.stream().id]).map(({ name }) => name)).toEqual(['b'])
    expect(domain.log()).toHaveLength(2)
  })

  it('that removes the source of a tag that is gone upstream makes it a candidate of policies again', async () => {
    await domain.create({ spec: { tags: [fromImage('1.0', `${UPSTREAM}:3.3`)] } })
    domain.remote.untag(UPSTREAM, '3.3')
    await domain.import()
    const goneAt = () =>
      domain.db.prepare<{ goneAt: number | null }>('select gone_at as goneAt from tags').get()
    expect(goneAt()?.goneAt).not.toBeNull()

    spec({ tags: [] })

    expect(goneAt()).toEqual({ goneAt: null })
    expect(domain.condition('1.0')).toBeUndefined()
  })

  it('in a dry run starts no import, and joins none that waits', async () => {
    const { importId } = create({ spec: { tags: [fromImage('a', `${UPSTREAM}:3.3`)] } })
    const setTags = [fromImage('a', `${UPSTREAM}:latest`)]

    expect(
      domain.writer.update(SYSTEM, { namespace: 'default', name: 'ruby', setTags, dryRun: true }).importId,
    ).toBeNull()
    await domain.finished(importId ?? 0)
  })

  it('with an old resource version is a conflict, and changes nothing', () => {
    create()
    update({ labels: [{ key: 'a', value: '1' }], resourceVersion: '1' })
    const before = domain.dump()

    expect(() => update({ labels: [], resourceVersion: '1' })).toThrow(ConflictError)
    expect(() => update({ labels: [], resourceVersion: 'x' })).toThrow(ConflictError)
    expect(domain.dump()).toEqual(before)
    expect(update({ labels: [], resourceVersion: '2' }).stream.resourceVersion).toBe(3)
  })

  it('that is invalid in one part changes nothing', () => {
    create()
    const before = domain.dump()

    expect(() => update({ labels: [{ key: 'a', value: '' }], spec: { dockerImageRepository: '' } })).toThrow(
      expect.objectContaining({ field: 'spec.dockerImageRepository' }),
    )
    expect(domain.dump()).toEqual(before)
  })

  it('that does not exist is refused', () => {
    expect(() => update({ name: 'missing' })).toThrow(NotFoundError)
  })

  it('does not store the annotation that the server sets', () => {
    create({ annotations: [{ key: 'openshift.io/image.dockerRepositoryCheck', value: 'never' }] })

    expect(domain.stream().annotations).toBe('[]')
  })

  it('names an invalid annotation by its index, also after the server’s own', () => {
    create()
    const annotations = [
      { key: 'openshift.io/image.dockerRepositoryCheck', value: 'x' },
      { key: 'a b', value: '' },
    ]

    expect(() => update({ annotations })).toThrow(expect.objectContaining({ field: 'annotations.1.key' }))
  })
})
