import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { SpecTagInput } from '../../src/imagestream/spec/spec.ts'
import { type ResolvedImage, resolveImage } from '../../src/imagestream/stream/resolve-image.ts'
import { image } from '../fixtures/random-image.ts'
import { fromImage, REGISTRY_HOST, TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'

const [old, now] = [image({ seed: 'old' }), image({ seed: 'now' })]

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
})
afterEach(() => domain[Symbol.asyncDispose]())

const resolve = (name: string, { namespace = 'default', integrated = true } = {}): ResolvedImage => {
  const { streams, tags, images, lookBack } = domain
  return resolveImage(
    SYSTEM,
    { namespace, name },
    {
      streams,
      tags,
      images,
      lookBack,
      pullRepository: (stream) =>
        integrated
          ? `${REGISTRY_HOST}/${stream.namespace}/${stream.name}`
          : (stream.dockerImageRepository ?? ''),
      localRepository: (stream) =>
        integrated ? `${REGISTRY_HOST}/${stream.namespace}/${stream.name}` : null,
    },
  )
}

/** `ruby` with a local lookup policy and two tags, of which 3.3 has a history of two images. */
async function createRuby({ local = true, tags = [] as SpecTagInput[], name = 'ruby' } = {}): Promise<void> {
  domain.remote.push(UPSTREAM, '3.3', old)
  domain.remote.push(UPSTREAM, 'latest', old)
  await domain.create({
    name,
    spec: { dockerImageRepository: UPSTREAM, lookupPolicy: { local }, tags },
  })
  domain.remote.push(UPSTREAM, '3.3', now)
  await domain.import({ imageStream: name })
}

describe('a bare name of a stream with a local lookup policy', () => {
  it.each([
    ['ruby:3.3', '3.3', now],
    ['ruby', 'latest', old],
    ['ruby:latest', 'latest', old],
  ])('%s resolves to the tag %s, by digest', async (name, tag, { digest }) => {
    await createRuby()

    expect(resolve(name)).toMatchObject({
      source: 'IMAGE_STREAM',
      dockerImageReference: `${UPSTREAM}@${digest}`,
      image: { digest },
      tag: { name: tag },
      message: null,
    })
  })

  it('resolves a digest in its history, also an older one, and ignores a tag beside the digest', async () => {
    await createRuby()

    for (const { digest } of [old, now]) {
      for (const name of [`ruby@${digest}`, `ruby:nothing@${digest}`]) {
        expect(resolve(name)).toMatchObject({
          source: 'IMAGE_STREAM',
          dockerImageReference: `${UPSTREAM}@${digest}`,
          image: { digest },
          tag: null,
        })
      }
    }
  })

  it('has the pull spec of the reference policy: Local is the integrated registry’s, where there is one', async () => {
    const tags = [fromImage('3.3', `${UPSTREAM}:3.3`, { referencePolicy: { type: 'Local' } })]
    await createRuby({ tags })
    const local = `${REGISTRY_HOST}/default/ruby@${now.digest}`

    expect(resolve('ruby:3.3').dockerImageReference).toBe(local)
    expect(resolve(`ruby@${now.digest}`).dockerImageReference).toBe(local)
    expect(resolve('ruby:3.3', { integrated: false }).dockerImageReference).toBe(`${UPSTREAM}@${now.digest}`)
    expect(resolve('ruby:latest').dockerImageReference).toBe(`${UPSTREAM}@${old.digest}`)
  })

  it('resolves to the stream’s own pull spec for a tag that does not exist yet', async () => {
    await createRuby()

    expect(resolve('ruby:9.9')).toEqual({
      source: 'IMAGE_STREAM',
      dockerImageReference: `${REGISTRY_HOST}/default/ruby:9.9`,
      image: null,
      tag: null,
      isPending: true,
      message: 'default/ruby has no tag "9.9" yet: its own pull spec can be pulled once there is one',
    })
    expect(resolve('ruby:9.9', { integrated: false }).dockerImageReference).toBe(`${UPSTREAM}:9.9`)

    domain.remote.push(UPSTREAM, '9.9', now)
    await domain.import({ tag: '9.9' })
    expect(resolve('ruby:9.9')).toMatchObject({
      dockerImageReference: `${UPSTREAM}@${now.digest}`,
      isPending: false,
      message: null,
    })
  })

  it('never resolves to a registry for a digest that the stream does not have', async () => {
    await createRuby()

    const resolved = resolve(`ruby@${image({ seed: 'unknown image' }).digest}`)
    expect(resolved).toMatchObject({
      source: 'IMAGE_STREAM',
      dockerImageReference: null,
      image: null,
      tag: null,
      isPending: false,
    })
    expect(resolved.message).toMatch(/^default\/ruby never had an image sha256:/)
  })

  it('never resolves to an image of another stream', async () => {
    await createRuby()
    await domain.create({ name: 'empty', spec: { lookupPolicy: { local: true } } })

    expect(resolve(`empty@${now.digest}`)).toMatchObject({ dockerImageReference: null, image: null })
    expect(resolve('empty').message).toContain('default/empty has no tag "latest"')
  })

  it('resolves to the stream’s own pull spec for a tag without an image', async () => {
    await createRuby({ tags: [fromImage('next', `${UPSTREAM}:not-there`)] })

    expect(resolve('ruby:next')).toMatchObject({
      dockerImageReference: `${REGISTRY_HOST}/default/ruby:next`,
      isPending: true,
      tag: { name: 'next' },
    })
    expect(resolve('ruby:next').message).toContain('has no image yet for its tag "next"')
  })

  it('resolves to the reference of a tag with reference: true', async () => {
    const { digest } = now
    const tags = [
      fromImage('3.3', 'quay.io/team/ruby:3', { reference: true }),
      fromImage('pinned', `quay.io/team/ruby@${digest}`, { reference: true }),
    ]
    await createRuby({ tags })

    expect(resolve('ruby:3.3')).toMatchObject({
      source: 'IMAGE_STREAM',
      dockerImageReference: 'quay.io/team/ruby:3',
      image: null,
      message: null,
    })
    expect(resolve('ruby:pinned')).toMatchObject({
      dockerImageReference: `quay.io/team/ruby@${digest}`,
      message: null,
    })
  })
})

describe('any other name', () => {
  const { digest } = now

  it.each([
    ['python', 'docker.io/library/python:latest'],
    ['team/app:v1', 'docker.io/team/app:v1'],
    ['quay.io/team/app', 'quay.io/team/app:latest'],
    ['index.docker.io/library/ruby:3.3', 'docker.io/library/ruby:3.3'],
    ['localhost:5000/ruby:3.3', 'localhost:5000/ruby:3.3'],
    [`quay.io/team/app:v1@${digest}`, `quay.io/team/app@${digest}`],
    ['a__b', 'docker.io/library/a__b:latest'],
  ])('%s is the reference itself, in full: %s', async (name, dockerImageReference) => {
    await createRuby()

    expect(resolve(name)).toMatchObject({
      source: 'REFERENCE',
      dockerImageReference,
      tag: null,
      message: null,
    })
  })

  it('is not resolved to a stream without the policy, or of another namespace', async () => {
    await createRuby({ local: false })

    expect(resolve('ruby:3.3').dockerImageReference).toBe('docker.io/library/ruby:3.3')
    await createRuby({ name: 'other' })
    expect(resolve('other:3.3').source).toBe('IMAGE_STREAM')
    expect(resolve('other:3.3', { namespace: 'team' })).toMatchObject({
      source: 'REFERENCE',
      dockerImageReference: 'docker.io/library/other:3.3',
    })
  })

  it('with the digest of a stored image has the image', async () => {
    await createRuby()

    expect(resolve(`quay.io/elsewhere/ruby@${digest}`)).toMatchObject({
      source: 'REFERENCE',
      image: { digest },
    })
    expect(resolve(`quay.io/elsewhere/ruby@${image({ seed: 'unknown' }).digest}`).image).toBeNull()
  })

  it.each(['', 'Ruby', 'ruby:', 'ruby@sha256:12', 'ruby@', 'https://quay.io/x', 'a//b', ':tag', 'ruby:-x'])(
    '"%s" is INVALID',
    async (name) => {
      await createRuby()

      expect(() => resolve(name)).toThrow(expect.objectContaining({ code: 'INVALID', field: 'name' }))
    },
  )

  it('in an invalid namespace is INVALID', () => {
    expect(() => resolve('ruby', { namespace: 'No' })).toThrow(
      expect.objectContaining({ code: 'INVALID', field: 'namespace' }),
    )
  })
})
