import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { CreateStreamInput } from '../../src/imagestream/commands/write-stream.ts'
import {
  AlreadyExistsError,
  ConflictError,
  InvalidInputError,
  NotFoundError,
} from '../../src/input/errors.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, tagName, UPSTREAM } from '../fixtures/test-domain.ts'

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
  domain.remote.push(UPSTREAM, 'latest', image({ seed: 1 })).push(UPSTREAM, '3.3', image({ seed: 2 }))
})
afterEach(() => domain[Symbol.asyncDispose]())

const RUBY = { namespace: 'default', name: 'ruby' }
const create = (input: Partial<CreateStreamInput> = {}) => domain.writer.create(SYSTEM, { ...RUBY, ...input })

const SCHEDULED = { insecure: false, scheduled: true, importMode: 'Legacy' } as const

describe('creating a stream', () => {
  it('starts at generation and resource version 1', () => {
    const { stream, importId } = create({ labels: [{ key: 'team', value: 'a' }] })

    expect(stream).toMatchObject({
      ...RUBY,
      uid: '00000000-0000-4000-8000-000000000001',
      generation: 1,
      resourceVersion: 1,
      createdAt: domain.time,
      labels: '[{"key":"team","value":"a"}]',
      annotations: '[]',
      importMode: 'Legacy',
      repositoryCheck: null,
    })
    expect(importId).toBeNull()
  })

  it('imports the sources of its spec after the commit', async () => {
    const { importId } = create({ spec: { dockerImageRepository: UPSTREAM } })

    expect(await domain.finished(importId ?? 0)).toMatchObject({ state: 'SUCCEEDED', imported: 2 })
  })

  it('sends no request when its transaction fails', () => {
    const failing = () =>
      domain.db.transact(() => {
        create({ spec: { dockerImageRepository: UPSTREAM } })
        throw new Error('no')
      })

    expect(failing).toThrow('no')
    expect(domain.remote.calls).toEqual([])
  })

  it('imports nothing for a spec tag with reference: true', () => {
    const { importId } = create({ spec: { tags: [fromImage('x', 'ruby:3.3', { reference: true })] } })

    expect(importId).toBeNull()
  })

  it('with an existing name is refused, and changes nothing', () => {
    create()
    const before = domain.dump()

    expect(() => create({ spec: { dockerImageRepository: UPSTREAM } })).toThrow(AlreadyExistsError)
    expect(domain.dump()).toEqual(before)
  })

  it.each<[string, Partial<CreateStreamInput>]>([
    ['namespace', { namespace: 'a..b' }],
    ['name', { name: 'Ruby' }],
    ['labels.0.key', { labels: [{ key: '', value: '' }] }],
    ['annotations.0.key', { annotations: [{ key: 'a b', value: '' }] }],
    ['spec.dockerImageRepository', { spec: { dockerImageRepository: 'Foo/bar' } }],
    ['spec.dockerImageRepository', { spec: { dockerImageRepository: 'ruby:3.3' } }],
    ['spec.dockerImageRepository', { spec: { dockerImageRepository: 'ruby:latest' } }],
    ['spec.dockerImageRepository', { spec: { dockerImageRepository: `ruby@sha256:${'0'.repeat(64)}` } }],
    ['spec.tags.0.name', { spec: { tags: [fromImage('.x', 'ruby')] } }],
    ['spec.tags.1.name', { spec: { tags: [fromImage('x', 'ruby'), fromImage('x', 'ruby')] } }],
    ['spec.tags.0.from.name', { spec: { tags: [fromImage('x', 'http://ruby')] } }],
    [
      'spec.tags.0.from.name',
      { spec: { tags: [fromImage('x', '', { from: { kind: 'ImageStreamTag', name: 'a:b:c' } })] } },
    ],
    [
      'spec.tags.0.importPolicy.scheduled',
      { spec: { tags: [fromImage('x', `ruby@sha256:${'0'.repeat(64)}`, { importPolicy: SCHEDULED })] } },
    ],
    [
      'spec.tags.0.importPolicy.scheduled',
      {
        spec: {
          tags: [
            fromImage('x', '', { from: { kind: 'ImageStreamTag', name: 'a:b' }, importPolicy: SCHEDULED }),
          ],
        },
      },
    ],
    ['spec.tags.0.reference', { spec: { tags: [{ name: 'x', reference: true }] } }],
    [
      'spec.tags.0.annotations.0.key',
      { spec: { tags: [fromImage('x', 'ruby', { annotations: [{ key: '', value: '' }] })] } },
    ],
  ])('names the invalid field by its path, %s, and writes nothing', (field, input) => {
    const before = domain.dump()

    expect(() => create(input)).toThrow(expect.objectContaining({ field, code: 'INVALID' }))
    expect(() => create(input)).toThrow(InvalidInputError)
    expect(domain.dump()).toEqual(before)
  })
})

describe('deleting a stream', () => {
  it('removes its tags and its spec, and keeps the histories, the images and the change log', async () => {
    const { stream } = await domain.create()

    expect(domain.streamRemoval.delete(SYSTEM, RUBY)).toMatchObject({
      stream,
      tagCount: 2,
      historyEntryCount: 2,
    })
    expect(domain.streams.byName(SYSTEM, RUBY.namespace, RUBY.name)).toBeUndefined()
    expect(domain.streams.byIds(SYSTEM, [stream.id]).size).toBe(0)
    const left = domain.dump()
    expect(left).toMatchObject({ spec_tags: [], import_schedules: [] })
    expect(domain.tags.countOfStreams([stream.id]).size).toBe(0)
    expect(left.tag_events).toHaveLength(2)
    expect(left.images).toHaveLength(2)
    expect(domain.log()).toHaveLength(2)
  })

  it('frees the name, but never the id', async () => {
    const { stream } = await domain.create()
    domain.streamRemoval.delete(SYSTEM, RUBY)

    expect((await domain.create()).stream.id).toBeGreaterThan(stream.id)
    expect(domain.tags.imported(stream.id, tagName('latest'))).toBeUndefined()
  })

  it('with an old resource version is a conflict', () => {
    create()

    expect(() => domain.streamRemoval.delete(SYSTEM, { ...RUBY, resourceVersion: '2' })).toThrow(
      ConflictError,
    )
    expect(() => domain.streamRemoval.delete(SYSTEM, { ...RUBY, name: 'missing' })).toThrow(NotFoundError)
    expect(domain.streamRemoval.delete(SYSTEM, { ...RUBY, resourceVersion: '1' }).stream.id).toBe(1)
  })
})
