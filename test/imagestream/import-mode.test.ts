import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { ImportMode } from '../../src/imagestream/image/fetch-image.ts'
import { image, index } from '../fixtures/random-image.ts'
import { fromImage, TestDomain, UPSTREAM } from '../fixtures/test-domain.ts'

const amd64 = image({ seed: 1 })
const arm64 = image({ seed: 2, platform: { os: 'linux', architecture: 'arm64' } })
const both = index([amd64, arm64])
const single = image({ seed: 'single' })

let domain: TestDomain
beforeEach(() => {
  domain = new TestDomain()
  domain.remote.push(UPSTREAM, 'latest', both).push(UPSTREAM, 'single', single)
})
afterEach(() => domain[Symbol.asyncDispose]())

const policy = (importMode: ImportMode) => ({ insecure: false, scheduled: false, importMode })

/** Each way to change the mode of the spec; waits for the imports. */
const WAYS = {
  'the stream’s import policy': async (importMode: ImportMode) => {
    const spec = { importPolicy: policy(importMode) }
    const { importId } = domain.writer.update(SYSTEM, { namespace: 'default', name: 'ruby', spec })
    if (importId !== null) await domain.finished(importId)
  },
  'a spec tag': async (importMode: ImportMode) => {
    const tags = [fromImage('latest', UPSTREAM, { importPolicy: policy(importMode) })]
    const { importId } = domain.writer.update(SYSTEM, { namespace: 'default', name: 'ruby', spec: { tags } })
    await domain.finished(importId ?? 0)
  },
  'a document': async (importMode: ImportMode) => {
    const from = { kind: 'DockerImage', name: UPSTREAM }
    const documents = JSON.stringify({
      apiVersion: 'image.openshift.io/v1',
      kind: 'ImageStream',
      metadata: { name: 'ruby' },
      spec: {
        dockerImageRepository: UPSTREAM,
        tags: [{ name: 'latest', from, importPolicy: { importMode } }],
      },
    })
    const [applied] = domain.applyDocuments(SYSTEM, {
      documents,
      namespace: 'default',
      dryRun: false,
    }).results
    if (applied?.importId != null) await domain.finished(applied.importId)
  },
  'importImage with from': async (importMode: ImportMode) => {
    await domain.import({ tag: 'latest', from: UPSTREAM, importMode })
  },
  'importImage with from and all': async (importMode: ImportMode) => {
    await domain.import({ from: UPSTREAM, all: true, importMode })
  },
  tagImage: async (importMode: ImportMode) => {
    const { importId } = domain.tagging.tagImage(SYSTEM, {
      namespace: 'default',
      imageStream: 'ruby',
      tag: 'latest',
      from: { kind: 'DockerImage', name: UPSTREAM },
      alias: false,
      reference: false,
      scheduled: false,
      insecure: false,
      importMode,
    })
    await domain.finished(importId ?? 0)
  },
}

describe('a mode that is changed', () => {
  it.each(Object.entries(WAYS))(
    'by %s takes the index, and then its one image again, each as a push',
    async (_way, change) => {
      await domain.create()
      await change('Legacy')
      for (const importMode of ['PreserveOriginal', 'Legacy', 'PreserveOriginal'] as const) {
        domain.time += 1000
        await change(importMode)
      }

      expect(domain.digests('latest')).toEqual([both.digest, amd64.digest, both.digest, amd64.digest])
      const pushed = domain.log().filter(({ tag }) => tag === 'latest')
      expect(pushed).toHaveLength(4)
      // a tag that points to a single image is the same in both modes
      expect(domain.digests('single')).toEqual([single.digest])
    },
  )

  it.each(Object.entries(WAYS))('by %s fetches no content twice', async (_way, change) => {
    await domain.create()
    await change('Legacy')
    await change('PreserveOriginal')
    domain.remote.takeCalls()

    await change('Legacy')
    await change('PreserveOriginal')

    expect(
      domain.remote.calls.map(({ kind }) => kind).filter((kind) => kind === 'manifest' || kind === 'config'),
    ).toEqual([])
  })

  it.each(Object.entries(WAYS))('by %s to the current mode changes nothing', async (_way, change) => {
    await domain.create()
    await change('PreserveOriginal')
    const { tag_events, push_log } = domain.dump()

    await domain.import()
    await domain.import()

    expect(domain.dump()).toMatchObject({ tag_events, push_log })
  })
})

describe('a mode for one import', () => {
  it.each([
    ['Legacy', 'PreserveOriginal', both, amd64],
    ['PreserveOriginal', 'Legacy', amd64, both],
  ] as const)('is undone by the next import if the spec has %s', async (wanted, once, now, then) => {
    await domain.create({ spec: { dockerImageRepository: UPSTREAM, importPolicy: policy(wanted) } })

    await domain.import({ importMode: once })
    expect(domain.digests('latest')[0]).toBe(now.digest)
    const next = await domain.import()

    expect(domain.digests('latest')[0]).toBe(then.digest)
    expect(next).toMatchObject({ imported: 1, unchanged: 1 })
  })

  it('of one tag is reverted by the next import of all tags', async () => {
    await domain.create()
    await domain.import({ tag: 'latest', importMode: 'PreserveOriginal' })

    await domain.import()

    expect(domain.digests('latest')).toEqual([amd64.digest, both.digest, amd64.digest])
  })
})

describe('a mode that changes while an import runs', () => {
  it('ends as the mode of the spec', async () => {
    const hold = domain.remote.hold(({ kind }) => kind === 'resolve')
    const { importId } = domain.writer.create(SYSTEM, {
      namespace: 'default',
      name: 'ruby',
      spec: { dockerImageRepository: UPSTREAM },
    })
    await hold.reached
    const spec = { importPolicy: policy('PreserveOriginal') }
    const changed = domain.writer.update(SYSTEM, { namespace: 'default', name: 'ruby', spec })
    hold.release()
    await domain.finished(importId ?? 0)
    await domain.finished(changed.importId ?? 0)

    expect(domain.digests('latest')).toEqual([both.digest])
  })
})
