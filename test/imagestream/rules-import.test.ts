import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { ImportMode } from '../../src/imagestream/image/fetch-image.ts'
import type { SpecTagInput } from '../../src/imagestream/spec/spec.ts'
import type { RegistryErrorReason } from '../../src/oci/registry-error.ts'
import { startApp } from '../fixtures/app.ts'
import { image, index } from '../fixtures/random-image.ts'
import { fromImage, UPSTREAM } from '../fixtures/test-domain.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { createStream, importImage, resultsOf } from '../flows/operations.ts'
import { FollowWorld, following } from './follow-world.ts'

const one = image({ seed: 1 })
const two = image({ seed: 2 })

let world: FollowWorld
beforeEach(() => {
  world = new FollowWorld()
  world.remote.push(UPSTREAM, 'latest', one).push(UPSTREAM, '3.3', two)
})
afterEach(() => world[Symbol.asyncDispose]())

const change = (tags: readonly SpecTagInput[]) =>
  world.writer.update(SYSTEM, { namespace: 'default', name: 'ruby', spec: { tags } })

const generations = (tag: string) => ({
  wanted: world.streams.specTags([world.stream().id]).find(({ name }) => name === tag)?.generation,
  observed: world.history(tag)[0]?.generation,
})

describe('a new stream', () => {
  it.each<[string, readonly SpecTagInput[]]>([
    ['without a spec tag', []],
    ['with a tag that follows another', [following('x', 'web:1')]],
    ['with a tag that only refers', [fromImage('x', UPSTREAM, { reference: true })]],
    ['with a tag of which only annotations are said', [{ name: 'x', reference: false }]],
  ])('%s has nothing importable, and no import begins', (_what, tags) => {
    const { importId } = world.writer.create(SYSTEM, { namespace: 'default', name: 'app', spec: { tags } })

    expect(importId).toBeNull()
    expect(world.remote.calls).toEqual([])
  })
})

describe('a spec tag from a registry that changes', () => {
  it.each<[string, Partial<SpecTagInput>, string]>([
    ['its source', {}, '3.3'],
    [
      'its import policy',
      { importPolicy: { insecure: true, scheduled: false, importMode: 'Legacy' } },
      'latest',
    ],
    ['its annotations', { annotations: [{ key: 'a', value: 'b' }] }, 'latest'],
  ])(
    'in %s gets a newer generation, and is imported until the status has that generation',
    async (_what, more, of) => {
      await world.create({ spec: { tags: [fromImage('a', `${UPSTREAM}:latest`)] } })
      expect(generations('a')).toEqual({ wanted: 1, observed: 1 })

      const { importId } = change([fromImage('a', `${UPSTREAM}:${of}`, more)])

      expect(generations('a')).toEqual({ wanted: 2, observed: 1 })
      await world.finished(importId ?? 0)
      expect(generations('a')).toEqual({ wanted: 2, observed: 2 })
    },
  )

  it('to a reference-only or following tag is no longer imported', async () => {
    await world.create({ spec: { tags: [fromImage('a', UPSTREAM), fromImage('b', UPSTREAM)] } })
    world.remote.takeCalls()

    const { importId } = change([fromImage('a', UPSTREAM, { reference: true }), following('b', 'a')])

    expect(importId).toBeNull()
    expect(world.remote.calls).toEqual([])
  })
})

describe('without a repository', () => {
  it('only the spec tags are imported, and no tag list is read', async () => {
    const { imported } = await world.create({ spec: { tags: [fromImage('a', UPSTREAM)] } })

    expect(imported).toMatchObject({ total: 1, imported: 1 })
    expect(world.remote.calls.map(({ kind }) => kind)).not.toContain('list')
    expect(world.tagNames()).toEqual(['a'])
  })
})

describe('a limit on tags', () => {
  it('is not set by default', async () => {
    for (let at = 0; at < 58; at++) world.remote.push(UPSTREAM, `1.${at}`, one)

    const { imported } = await world.create()

    expect(imported).toMatchObject({ total: 60, imported: 60, additionalTags: [] })
  })
})

describe('the mode of a stream without one in its spec', () => {
  const arm64 = image({ seed: 3, platform: { os: 'linux', architecture: 'arm64' } })
  const both = index([one, arm64])
  const made: Record<string, (on: FollowWorld) => void> = {
    createImageStream: (on) => on.writer.create(SYSTEM, { namespace: 'default', name: 'ruby', spec: {} }),
    'a push': (on) => on.push(one, 'ruby:pushed'),
    importImage: (on) => {
      on.beginImport({ tag: 'x', from: UPSTREAM, confirm: true })
    },
    tagImage: (on) => on.retag('ruby:x', { kind: 'DockerImage', name: UPSTREAM }),
    'a document': (on) => {
      const documents = JSON.stringify({
        apiVersion: 'image.openshift.io/v1',
        kind: 'ImageStream',
        metadata: { name: 'ruby' },
      })
      on.applyDocuments(SYSTEM, { documents, namespace: 'default', dryRun: false })
    },
  }

  it.each(
    Object.keys(made).flatMap((way) =>
      (['Legacy', 'PreserveOriginal'] as const).map((mode): [string, ImportMode] => [way, mode]),
    ),
  )('that %s creates is the mode of the configuration, %s', async (way, importMode) => {
    await using on = new FollowWorld({ importMode })
    on.remote.push(UPSTREAM, 'latest', both)

    made[way]?.(on)

    expect(on.stream().importMode).toBe(importMode)
    await on.import({ tag: 'y', from: UPSTREAM })
    expect(on.digests('y')).toEqual([importMode === 'Legacy' ? one.digest : both.digest])
  })

  it.each(['Legacy', 'PreserveOriginal'] as const)(
    'keeps the platforms of an index: %s',
    async (importMode) => {
      await using on = new FollowWorld({ importMode })
      on.remote.push(UPSTREAM, 'latest', both)

      await on.create()

      const stored = on.images.storedManifest(both.digest)?.manifest
      const platforms = stored?.kind === 'index' ? stored.manifests.map(({ platform }) => platform) : []
      expect(platforms).toEqual([one.platform, arm64.platform])
    },
  )
})

describe('a failed tag', () => {
  const REASONS: readonly RegistryErrorReason[] = [
    'NotFound',
    'Unauthorized',
    'Forbidden',
    'InvalidManifest',
    'RegistryUnavailable',
    'TooManyRequests',
    'InternalError',
    'ForbiddenTarget',
  ]

  it.each(REASONS)('keeps its history and gets ImportSuccess=False, because of %s', async (reason) => {
    await world.create()
    world.remote.fail(UPSTREAM, 'latest', reason)
    world.time += 1000
    await world.import()

    expect(world.digests('latest')).toEqual([one.digest])
    expect(world.condition('latest')).toMatchObject({
      type: 'ImportSuccess',
      status: 'False',
      reason,
      message: `${UPSTREAM}: latest: ${reason}`,
      lastTransitionTime: world.time,
    })
    expect(world.condition('3.3')).toBeUndefined()
  })

  it('has a message with the registry, the repository and the response', async () => {
    await using upstream = await startUpstream()
    await using app = await startApp()
    for (const tag of ['fine', 'closed', 'gone']) upstream.push('team/app', tag, one)
    const responses: Record<string, number> = { closed: 403, gone: 404 }
    upstream.hook = ({ reference }) => {
      const status = responses[reference]
      return status === undefined ? undefined : { status, headers: {}, body: '' }
    }
    const spec = {
      tags: ['fine', 'closed', 'gone'].map((name) => ({
        name,
        from: { kind: 'DOCKER_IMAGE', name: `${upstream.host}/team/app:${name}` },
      })),
    }

    const { imageStream } = await createStream(app.client, { spec })
    const results = await resultsOf(
      app.client,
      await importImage(app.client, { imageStream: imageStream.name }),
    )

    const failed = new Map(results.map(({ tag, reason, message }) => [tag, { reason, message }]))
    expect(failed.get('fine')).toEqual({ reason: null, message: null })
    expect(failed.get('closed')?.reason).toBe('FORBIDDEN')
    expect(failed.get('gone')?.reason).toBe('NOT_FOUND')
    for (const tag of ['closed', 'gone']) {
      expect(failed.get(tag)?.message).toContain(upstream.host)
      expect(failed.get(tag)?.message).toContain('team/app')
    }
    expect(failed.get('closed')?.message).toContain('403')
  })
})

describe('the annotation openshift.io/image.dockerRepositoryCheck', () => {
  // stored separately, and exported among the annotations
  const check = (): string | null => world.stream().repositoryCheck

  it('is the time of the last finished import in seconds, as OpenShift writes it, and why it failed where it did', async () => {
    await world.create()
    world.time += 60_000
    await world.import()
    expect(check()).toBe('2026-01-01T00:01:00Z')

    world.remote.fail(UPSTREAM, '', 'Forbidden')
    const failed = await world.import()
    expect(check()).toBe(failed.message)
    expect(check()).toContain('Forbidden')

    world.remote.fail(UPSTREAM, '', null)
    await world.import()
    expect(check()).toBe('2026-01-01T00:01:00Z')
  })
})
