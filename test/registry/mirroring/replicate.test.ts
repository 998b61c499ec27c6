import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RegistryErrorReason } from '../../../src/oci/registry-error.ts'
import { createReplication, type ReplicationSettings } from '../../../src/registry/mirroring/replicate.ts'
import { eventually } from '../../fixtures/eventually.ts'
import { image, layer } from '../../fixtures/random-image.ts'
import { createViewers } from '../../fixtures/viewers.ts'
import { failure } from './fake-registries.ts'
import { type MirroringWorld, openMirroringWorld } from './mirroring-world.ts'

const web = image({ seed: 'web', layers: [layer('web')] })
const SETTINGS = { repository: 'target.test/live/web', tag: 'v1', includeReferrers: false }
const IMAGE = {
  namespace: 'team',
  dockerImageReference: `source.test/team/web@${web.digest}`,
}

let at: MirroringWorld
beforeEach(async () => {
  at = await openMirroringWorld()
  at.source.push(null, web)
})
afterEach(() => at[Symbol.asyncDispose]())

const replicate = (settings: Partial<ReplicationSettings> = {}, signal = new AbortController().signal) =>
  createReplication(at.mirrorings)({ ...SETTINGS, ...settings }, IMAGE, { viewer: at.viewer, signal })

describe('a replication', () => {
  test('copies an image to a tag, once', async () => {
    const first = await replicate()
    at.destinations.log.length = 0
    const second = await replicate()

    expect(first).toMatchObject({
      text: expect.stringMatching(/^target.test\/live\/web:v1 got \d+ bytes of sha256:/),
      failure: null,
    })
    expect(second).toMatchObject({ text: `target.test/live/web:v1 had ${web.digest}`, failure: null })
    expect(at.destinations.log).toEqual([['tag', 'live/web', 'v1']])
    expect(at.destinations.tags.get('live/web:v1')).toBe(web.digest)
  })

  test.each<[RegistryErrorReason, string]>([
    ['RegistryUnavailable', 'LATER'],
    ['TooManyRequests', 'LATER'],
    ['Forbidden', 'LATER'],
    ['Immutable', 'NEVER'],
    ['TooLarge', 'NEVER'],
    ['Blocked', 'NEVER'],
  ])('that fails with %s is tried again %s', async (reason, kind) => {
    at.destinations.hook = (step) => {
      if (step === 'put') throw failure(reason, `${reason} of the registry`)
    }

    expect(await replicate()).toMatchObject({ failure: { kind, message: `${reason} of the registry` } })
  })

  test('that may not use the credentials, or leads to a loop, fails without a request', async () => {
    at.viewer = createViewers(at.world.domain.db).in(['team/*'], 'IMPORTER')
    expect(await replicate()).toMatchObject({ failure: { kind: 'LATER' } })
    at.viewer = createViewers(at.world.domain.db).in(['team/*'], 'EDITOR')
    expect(await replicate({ repository: 'registry.here/live/web' })).toMatchObject({
      failure: { kind: 'NEVER', message: expect.stringContaining('is in this server') },
    })
    expect(await replicate({ repository: 'target.test/live/web:v1' })).toMatchObject({
      failure: { kind: 'NEVER' },
    })
    expect(at.destinations.log).toEqual([])
    expect(await replicate()).toMatchObject({ failure: null })
  })

  test('ends with its signal, and its copy goes on', async () => {
    const abort = new AbortController()
    at.destinations.hook = (step) => (step === 'upload' ? new Promise(() => {}) : undefined)
    const ended = replicate({}, abort.signal).catch((error: unknown) => error)
    await eventually(() => expect(at.destinations.steps('upload')).not.toEqual([]))

    abort.abort(new Error('the server stops'))

    expect(await ended).toEqual(new Error('the server stops'))
    const filter = { namespace: undefined, imageStream: undefined, tag: undefined, state: undefined }
    expect(at.mirrorings.page(at.viewer, filter, { limit: 1 })).toMatchObject([{ state: 'RUNNING' }])
  })
})
