import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Digest } from '../../../src/oci/digest.ts'
import { RegistryError } from '../../../src/oci/registry-error.ts'
import { artifact, asImage } from '../../fixtures/artifacts.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { type Image, image, index, layer } from '../../fixtures/random-image.ts'
import { failure } from './fake-registries.ts'
import { type MirroringWorld, mirrored, openMirroringWorld, tagsOf, toRegistry } from './mirroring-world.ts'

const amd64 = image({ seed: 'amd64', layers: [layer('base'), layer('amd64')] })
const arm64 = image({
  seed: 'arm64',
  platform: { os: 'linux', architecture: 'arm64' },
  layers: [layer('base'), layer('arm64')],
})
const ruby = index([amd64, arm64])
const blobsOf = (...images: readonly Image[]): readonly Digest[] => [
  ...new Set(images.flatMap(({ config, layers }) => [config, ...layers]).map(({ digest }) => digest)),
]
const FROM = 'source.test/library/ruby:3.3'
const TO = 'target.test/team/ruby:v1'

function closedGate() {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

let at: MirroringWorld
beforeEach(async () => {
  at = await openMirroringWorld()
  at.source.push('3.3', ruby)
})
afterEach(() => at[Symbol.asyncDispose]())

describe('a copy to another registry', () => {
  test('pushes each blob once, then children, then the index under its tag', async () => {
    const done = await mirrored(at, toRegistry(FROM, TO))

    expect(done).toMatchObject({
      state: 'SUCCEEDED',
      digest: ruby.digest,
      ...{ manifestCount: 3, blobCount: 5, storedBlobCount: 5, tagCount: 1, copiedTagCount: 1 },
    })
    expect(done.fetchedSize).toBe(done.size)
    expect(done.outcomes).toMatchObject([{ source: FROM, tag: 'v1', state: 'COPIED', digest: ruby.digest }])
    const { destinations } = at
    expect([...destinations.steps('upload')].sort()).toEqual([...blobsOf(amd64, arm64)].sort())
    expect([...destinations.steps('put')].slice(0, 2).sort()).toEqual([amd64.digest, arm64.digest].sort())
    expect(destinations.steps('put')[2]).toBe('v1')
    const steps = destinations.log.map(([step]) => step)
    expect(steps.lastIndexOf('upload')).toBeLessThan(steps.indexOf('put'))
    expect(destinations.tags.get('team/ruby:v1')).toBe(ruby.digest)
    // nothing of it is stored here
    expect(at.world.content.repository({ namespace: 'team', name: 'ruby' })).toBeUndefined()
  })

  test('that has the image already sends one request there, and is UNCHANGED', async () => {
    await mirrored(at, toRegistry(FROM, TO))
    at.destinations.log.length = 0
    at.source.log.length = 0

    const done = await mirrored(at, toRegistry(FROM, TO))

    expect(done).toMatchObject({ state: 'SUCCEEDED', digest: ruby.digest, unchangedTagCount: 1 })
    expect(done.outcomes).toMatchObject([{ state: 'UNCHANGED', digest: ruby.digest, manifestCount: null }])
    expect(at.destinations.log).toEqual([['tag', 'team/ruby', 'v1']])
    expect(at.source.log).toEqual([])
  })

  test('sends nothing of manifests that are there, and only the tag of an image that is there', async () => {
    at.source.push('amd64', amd64)
    await mirrored(at, toRegistry('source.test/library/ruby:amd64', 'target.test/team/ruby:amd64'))
    at.destinations.log.length = 0

    await mirrored(at, toRegistry(FROM, TO))

    const uploads = at.destinations.steps('upload')
    expect([...uploads].sort()).toEqual(
      [...blobsOf(arm64)].filter((one) => !blobsOf(amd64).includes(one)).sort(),
    )
    expect(at.destinations.steps('put')).toEqual([arm64.digest, 'v1'])
    at.destinations.log.length = 0
    expect(await mirrored(at, toRegistry(FROM, 'target.test/team/ruby:v2'))).toMatchObject({
      state: 'SUCCEEDED',
      copiedTagCount: 1,
      fetchedSize: 0,
    })
    expect(at.destinations.steps('upload')).toEqual([])
    expect(at.destinations.steps('put')).toEqual(['v2'])
  })

  test('mounts blobs that another repository of the registry has', async () => {
    await mirrored(at, toRegistry(FROM, TO))
    at.destinations.log.length = 0

    const done = await mirrored(at, toRegistry(FROM, 'target.test/other/ruby:v1'))

    expect(done).toMatchObject({ state: 'SUCCEEDED', fetchedSize: 0, storedBlobCount: 5 })
    expect(at.destinations.steps('mount')).toHaveLength(5)
    expect(at.destinations.steps('upload')).toEqual([])
  })

  test('does not mount what another namespace has pushed', async () => {
    await mirrored(at, toRegistry(FROM, TO))
    at.destinations.log.length = 0

    await mirrored(at, toRegistry(FROM, 'target.test/other/ruby:v1', { namespace: 'other' }))

    expect(at.destinations.steps('mount')).toEqual([])
    expect(at.destinations.steps('upload')).toHaveLength(5)
  })

  test('within one registry mounts from the source', async () => {
    const { destinations } = at
    await mirrored(at, toRegistry(FROM, 'one.test/library/ruby:3.3'))
    await at.restart()
    destinations.log.length = 0

    await mirrored(at, toRegistry('one.test/library/ruby:3.3', 'one.test/team/ruby:3.3'))

    expect(destinations.steps('mount')).toHaveLength(5)
  })

  test('continues an interrupted upload where it ended, with the right bytes', async () => {
    at.destinations.interruptAt = 64

    expect(await mirrored(at, toRegistry(FROM, TO))).toMatchObject({ state: 'SUCCEEDED' })

    for (const digest of blobsOf(amd64, arm64)) {
      const [pushed, original] = [
        at.destinations.blobs.get('team/ruby')?.get(digest),
        at.source.contents.get(digest),
      ]
      expect(pushed?.equals(original?.bytes ?? Buffer.alloc(0))).toBe(true)
    }
  })

  test('of wrong bytes fails, and never completes the upload', async () => {
    at.source.corrupt = (bytes) => Buffer.from(bytes.map((byte) => byte ^ 1))

    expect(await mirrored(at, toRegistry(FROM, TO))).toMatchObject({
      state: 'FAILED',
      reason: 'InvalidManifest',
      message: expect.stringContaining('the registry sent other bytes'),
    })
    expect(at.destinations.blobs.get('team/ruby')?.size ?? 0).toBe(0)
    expect(at.destinations.steps('put')).toEqual([])
  })

  test('by a digest without a tag pushes the manifest by its digest', async () => {
    const from = `source.test/library/ruby@${amd64.digest}`
    const request = toRegistry(from, 'target.test/team/ruby')
    if (!('source' in request.images)) throw new Error('it is one image')
    const images = { source: request.images.source, tag: null }

    expect(await mirrored(at, { ...request, images })).toMatchObject({ state: 'SUCCEEDED' })
    expect(await mirrored(at, { ...request, images })).toMatchObject({ unchangedTagCount: 1 })

    expect(at.destinations.steps('put')).toEqual([amd64.digest])
    expect(at.destinations.tags.size).toBe(0)
  })

  test('of some platforms leaves out the others, and the index stays as it is', async () => {
    const { destinations } = at
    destinations.manifests.set('team/ruby', new Map([[arm64.digest, arm64.bytes]]))

    await mirrored(at, toRegistry(FROM, TO, { platforms: ['linux/amd64'] }))

    expect(destinations.tags.get('team/ruby:v1')).toBe(ruby.digest)
    expect([...destinations.steps('upload')].sort()).toEqual([...blobsOf(amd64)].sort())
  })

  test('from this server sends the blobs of its store', async () => {
    const { world } = at
    await world.push('team/web', amd64, 'v1')

    const from = `registry.here/team/web@${amd64.digest}`
    expect(await mirrored(at, toRegistry(from, TO))).toMatchObject({ state: 'SUCCEEDED' })

    expect(at.source.log.filter((line) => line.startsWith('blob'))).toEqual([])
    expect(at.destinations.blobs.get('team/ruby')?.size).toBe(blobsOf(amd64).length)
  })
})

describe('referrers', () => {
  const signature = artifact({
    subject: ruby,
    artifactType: 'application/vnd.example.signature',
    layers: [{ mediaType: 'application/octet-stream', bytes: Buffer.from('signature') }],
  })

  test('are pushed before the tag moves, and later ones are added to an unchanged image', async () => {
    await mirrored(at, toRegistry(FROM, TO))
    at.source.attach(ruby.digest, signature)
    at.destinations.log.length = 0

    const first = await mirrored(at, toRegistry(FROM, TO, { includeReferrers: true }))
    const second = await mirrored(at, toRegistry(FROM, TO, { includeReferrers: true }))

    expect(first.outcomes).toMatchObject([{ state: 'COPIED', manifestCount: 4 }])
    expect(second.outcomes).toMatchObject([{ state: 'UNCHANGED' }])
    expect(at.destinations.manifests.get('team/ruby')?.has(signature.digest)).toBe(true)
    expect(at.destinations.steps('list referrer')).toEqual([])
  })

  test('are listed under the tag of their subject where the registry does not list them', async () => {
    at.source.attach(ruby.digest, signature)
    at.destinations.listsReferrers = false

    await mirrored(at, toRegistry(FROM, TO, { includeReferrers: true }))

    expect(at.destinations.steps('list referrer')).toEqual([`${ruby.digest} ${signature.digest}`])
  })

  test('under cosign’s tags get the same tags', async () => {
    const cosign = artifact({
      subject: null,
      layers: [{ mediaType: 'application/octet-stream', bytes: Buffer.from('cosign') }],
    })
    const name = `sha256-${ruby.digest.slice('sha256:'.length)}.sig`
    at.source.push(name, asImage(cosign))

    await mirrored(at, toRegistry(FROM, TO, { includeReferrers: true }))

    expect(at.destinations.tags.get(`team/ruby:${name}`)).toBe(cosign.digest)
  })
})

describe('a refusal of the destination', () => {
  test.each([['Unauthorized'], ['Forbidden'], ['Immutable'], ['TooLarge'], ['Blocked']] as const)(
    '%s is the reason of the failure, with its message, and is not repeated',
    async (reason) => {
      at.destinations.hook = (step) => {
        if (step === 'upload') throw failure(reason, `what ${reason} means, and what to do`)
      }

      expect(await mirrored(at, toRegistry(FROM, TO))).toMatchObject({
        state: 'FAILED',
        reason,
        message: expect.stringContaining(`what ${reason} means, and what to do`),
        failedTagCount: 1,
      })
      const uploads = at.destinations.steps('upload')
      expect(uploads).toHaveLength(new Set(uploads).size)
      expect(at.destinations.tags.size).toBe(0)
    },
  )

  test.each(['RegistryUnavailable', 'TooManyRequests'] as const)('%s is repeated', async (reason) => {
    const failed = new Set<string>()
    at.destinations.hook = (step, _repository, what) => {
      if (step !== 'upload' || failed.has(what)) return
      failed.add(what)
      throw failure(reason)
    }

    expect(await mirrored(at, toRegistry(FROM, TO))).toMatchObject({ state: 'SUCCEEDED' })
  })

  test('that lacks content of the manifest again uploads what it lacks', async () => {
    const { destinations } = at
    let removed = 0
    destinations.hook = (step, repository) => {
      if (step === 'put' && removed++ === 0) destinations.blobs.get(repository)?.delete(layer('base').digest)
    }

    expect(await mirrored(at, toRegistry(FROM, TO))).toMatchObject({ state: 'SUCCEEDED', storedBlobCount: 5 })
    expect(destinations.steps('upload')).toHaveLength(6)
  })

  test('that says it has a blob, and misses it in the manifest, gets the blob', async () => {
    const { destinations } = at
    const wrong = layer('base').digest
    destinations.hook = (step, repository, what) => {
      if (step === 'has blob' && what === wrong)
        destinations.blobs.get(repository)?.set(wrong, Buffer.alloc(0))
      if (step === 'put' && destinations.blobs.get(repository)?.get(wrong)?.length === 0) {
        destinations.blobs.get(repository)?.delete(wrong)
      }
    }

    expect(await mirrored(at, toRegistry(FROM, TO))).toMatchObject({ state: 'SUCCEEDED' })
    expect(destinations.steps('upload')).toContain(wrong)
  })

  test.each([403, 412])('to show what it has, by %i, does not prevent the copy', async (status) => {
    at.destinations.hook = (step) => {
      const isLook = step === 'has manifest' || step === 'has blob' || step === 'tag'
      if (isLook) throw new RegistryError('no', { reason: 'Forbidden', registry: 'registry.test', status })
    }

    expect(await mirrored(at, toRegistry(FROM, TO))).toMatchObject({ state: 'SUCCEEDED' })
    expect(at.destinations.steps('put').length).toBeGreaterThan(0)
  })

  test('of an index without all of its images says to copy all platforms', async () => {
    expect(await mirrored(at, toRegistry(FROM, TO, { platforms: ['linux/amd64'] }))).toMatchObject({
      state: 'FAILED',
      reason: 'MissingContent',
      message: expect.stringContaining('copy all platforms'),
    })
  })

  test('of a tag that another client moves at the same time is a failure', async () => {
    at.destinations.hook = (step, _repository, what) => {
      const isLast = at.destinations.log.filter(([name]) => name === 'tag').length === 3
      if (step === 'tag' && isLast) at.destinations.tags.set(`team/ruby:${what}`, amd64.digest)
    }

    expect(await mirrored(at, toRegistry(FROM, TO))).toMatchObject({
      state: 'FAILED',
      reason: 'InvalidManifest',
      message: expect.stringContaining(`points to ${amd64.digest} afterwards`),
    })
  })
})

describe('several tags', () => {
  const release = (name: string) => image({ seed: name, layers: [layer('base'), layer(name)] })
  const pushReleases = (...names: readonly string[]) => {
    for (const name of names) at.source.push(name, release(name))
  }
  const matching = (pattern: string) =>
    toRegistry(FROM, 'target.test/team/ruby', { images: tagsOf('source.test/library/ruby', pattern) })

  test('are copied to the tags of their names; others are not', async () => {
    pushReleases('v1.0', 'v1.1', 'v2.0')

    const done = await mirrored(at, matching('v1.*'))

    expect(done).toMatchObject({ state: 'SUCCEEDED', tagPattern: 'v1.*', tag: '', digest: null })
    expect(done).toMatchObject({ tagCount: 2, copiedTagCount: 2, blobCount: 6 })
    expect(done.outcomes.map(({ tag, state }) => [tag, state])).toEqual([
      ['v1.0', 'COPIED'],
      ['v1.1', 'COPIED'],
    ])
    expect([...at.destinations.tags.keys()].sort()).toEqual(['team/ruby:v1.0', 'team/ruby:v1.1'])
  })

  test('upload a shared layer once', async () => {
    pushReleases('v1.0', 'v1.1', 'v1.2', 'v1.3')

    await mirrored(at, matching('v1.*'))

    const uploads = at.destinations.steps('upload')
    expect(uploads).toHaveLength(new Set(uploads).size)
  })

  test('fail each on its own, and the mirroring says how many', async () => {
    pushReleases('v1.0', 'v1.1', 'v1.2')
    at.destinations.hook = (step, _repository, what) => {
      if (step === 'put' && what === 'v1.1') throw failure('Immutable', 'the tag cannot be moved')
    }

    const done = await mirrored(at, matching('v1.*'))

    expect(done).toMatchObject({
      ...{ state: 'FAILED', reason: 'Immutable' },
      message: '1 of 3 tags failed; v1.1: the tag cannot be moved',
      ...{ copiedTagCount: 2, failedTagCount: 1 },
    })
    expect(done.outcomes.map(({ state, reason }) => [state, reason])).toEqual([
      ['COPIED', null],
      ['FAILED', 'Immutable'],
      ['COPIED', null],
    ])
  })

  test('that hold referrers are skipped', async () => {
    const name = `sha256-${ruby.digest.slice('sha256:'.length)}.sig`
    at.source.push(name, release('signature'))

    const done = await mirrored(at, matching('*'))

    expect(done).toMatchObject({ state: 'SUCCEEDED', copiedTagCount: 1, skippedTagCount: 1 })
    expect(done.outcomes.find(({ state }) => state === 'SKIPPED')).toMatchObject({
      tag: name,
      message: expect.stringContaining('includeReferrers copies them'),
    })
  })

  test('of which none matches is a failure that says so', async () => {
    expect(await mirrored(at, matching('none*'))).toMatchObject({
      state: 'FAILED',
      reason: 'NotFound',
      message: 'no image of source.test/library/ruby has a tag that matches "none*"',
    })
  })

  test('continue after a stop of the server: those that ended are not copied again', async () => {
    pushReleases(...Array.from({ length: 12 }, (_, number) => `v1.${number}`))
    const { destinations } = at
    const gate = closedGate()
    destinations.hook = async (step) => {
      if (step === 'put' && destinations.tags.size >= 5) await gate.opened
    }
    const { mirrorings, viewer } = at
    const id = mirrorings.request(viewer, matching('v1.*'))
    await eventually(() => expect(mirrorings.byIds([id]).get(id)?.copiedTagCount).toBeGreaterThanOrEqual(4))
    const stopped = at.restart()
    gate.open()
    await stopped
    const before = new Map(destinations.tags)
    destinations.log.length = 0

    const done = await at.mirrorings.wait(id, 60)

    expect(done).toMatchObject({ state: 'SUCCEEDED', tagCount: 12 })
    expect((done?.copiedTagCount ?? 0) + (done?.unchangedTagCount ?? 0)).toBe(12)
    const putAgain = destinations.steps('put').filter((tag) => before.has(`team/ruby:${tag}`))
    expect(putAgain).toEqual([])
    expect(destinations.tags.size).toBe(12)
  })

  test('that have not ended when the mirroring is cancelled are skipped', async () => {
    pushReleases(...Array.from({ length: 12 }, (_, number) => `v1.${number}`))
    const { destinations, mirrorings, viewer } = at
    const gate = closedGate()
    destinations.hook = async (step) => {
      if (step === 'put') await gate.opened
    }
    const id = mirrorings.request(viewer, matching('v1.*'))
    await eventually(() => expect(destinations.steps('put').length).toBeGreaterThan(0))

    const cancelled = mirrorings.cancel(viewer, id)
    gate.open()

    expect(cancelled).toMatchObject({ state: 'CANCELLED', skippedTagCount: 12 })
    await mirrorings.wait(id, 60)
    expect(destinations.tags.size).toBe(0)
    expect(mirrorings.tagCount({ id }, 'SKIPPED')).toBe(12)
  })
})

describe('a dry run', () => {
  test('says what each tag would send, with blobs of several images once, and pushes nothing', async () => {
    at.source.push('3.4', index([amd64]))
    await mirrored(at, toRegistry('source.test/library/ruby:3.4', 'target.test/team/ruby:3.4'))
    at.source.push('3.5', arm64)
    at.destinations.log.length = 0
    const images = tagsOf('source.test/library/ruby', '3.*')

    const plan = await at.mirrorings.plan(at.viewer, toRegistry(FROM, 'target.test/team/ruby', { images }))

    expect(plan.tags.map(({ tag, state, fetchBlobCount }) => [tag, state, fetchBlobCount])).toEqual([
      ['3.3', 'COPIED', 2],
      ['3.4', 'UNCHANGED', 0],
      ['3.5', 'COPIED', 2],
    ])
    expect(plan).toMatchObject({ digest: null, blobCount: 5, fetchBlobCount: 2 })
    const missing = [arm64.config, ...arm64.layers].filter(({ digest }) => !blobsOf(amd64).includes(digest))
    expect(plan.fetchSize).toBe(missing.reduce((sum, { bytes }) => sum + bytes.length, 0))
    expect(at.destinations.log.filter(([step]) => step === 'upload' || step === 'put')).toEqual([])
  })

  test('has the failures of single tags', async () => {
    at.source.push('3.5', arm64)
    at.source.contents.delete(arm64.digest)
    const images = tagsOf('source.test/library/ruby', '3.5')

    const plan = await at.mirrorings.plan(at.viewer, toRegistry(FROM, 'target.test/team/ruby', { images }))

    expect(plan.tags).toMatchObject([{ tag: '3.5', state: 'FAILED', reason: 'NotFound' }])
  })
})

describe('a destination', () => {
  const refused = (from: string, to: string, more: object = {}) => {
    const { mirrorings, viewer } = at
    return () => mirrorings.request(viewer, toRegistry(from, to, more))
  }

  test('that is the source, or in this server, is refused', async () => {
    expect(refused(FROM, FROM)).toThrow('is the source itself')
    expect(refused(FROM, 'registry.here/team/ruby:v1')).toThrow('is in this server')
    const images = tagsOf('source.test/library/ruby', '*')
    expect(refused(FROM, FROM, { images })).toThrow('is the source itself')
    expect(await mirrored(at, toRegistry(FROM, 'source.test/library/ruby:copy'))).toMatchObject({
      state: 'SUCCEEDED',
    })
  })

  test('to which a registry configuration leads is refused in the same way', () => {
    at.destinations.locate = (repository) =>
      repository.registry === 'alias.test' ? { ...repository, registry: 'source.test' } : repository
    expect(refused(FROM, 'alias.test/library/ruby:3.3')).toThrow('is the source itself')
    at.destinations.locate = (repository) => ({ ...repository, registry: 'registry.here' })
    expect(refused(FROM, TO)).toThrow('is in this server')
  })

  test('may use the server’s own logins only for a server admin', async () => {
    await mirrored(at, toRegistry(FROM, TO))
    const { rights } = at.viewer
    at.viewer = { ...at.viewer, id: 'user:2', rights: { ...rights, isServerAdmin: false } }
    await mirrored(at, toRegistry(FROM, 'target.test/team/ruby:v2'))

    expect(at.destinations.opened.map(({ usesServerLogins }) => usesServerLogins)).toEqual([true, false])
    expect(at.destinations.opened.map(({ namespace }) => namespace)).toEqual(['team', 'team'])
  })
})
