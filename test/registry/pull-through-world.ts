import { SYSTEM } from '../../src/access/right/viewer.ts'
import type { PullThrough } from '../../src/registry/pull-through/pull-through.ts'
import { createPullThrough } from '../../src/registry/pull-through/pull-through.ts'
import type { Content, Image, Index } from '../fixtures/random-image.ts'
import { TestClient, type TestClientOptions } from '../fixtures/registry-client.ts'
import { fromImage } from '../fixtures/test-domain.ts'
import { openWorld, type World, type WorldOptions } from './world.ts'

export interface PullWorldOptions extends Pick<WorldOptions, 'limits' | 'blobs'> {
  readonly client?: TestClientOptions
}

export interface ImportedTag {
  /** `host/repository` that is imported from. */
  readonly from: string
  readonly content: Image | Index
  /** Default `web`, of the namespace `shop`. */
  readonly stream?: string
  /** Default `v1`. */
  readonly tag?: string
  readonly policy?: 'Local' | 'Source'
  readonly importMode?: 'Legacy' | 'PreserveOriginal'
  readonly insecure?: boolean
}

/** A registry whose streams have the content of other registries: blobs are fetched over the network, by the real client. */
export interface PullWorld extends World {
  readonly pullThrough: PullThrough & AsyncDisposable
  readonly warnings: { readonly fields: object; readonly message: string }[]
  /** Creates the stream with one tag, and imports it. The upstream need not have the image. */
  importTag(imported: ImportedTag): Promise<void>
  /** Moves the tag at the upstream to this image, and imports again. */
  moveTag(imported: ImportedTag): Promise<void>
  /** Pulls the manifest, and then requests this blob of it. */
  getBlob(blob: Pick<Content, 'digest'>, stream?: string): ReturnType<World['get']>
}

export async function openPullWorld({ client, ...options }: PullWorldOptions = {}): Promise<PullWorld> {
  let pullThrough: PullWorld['pullThrough'] | undefined
  const joined = (): PullThrough => {
    if (!pullThrough) throw new Error('the world is not whole yet')
    return pullThrough
  }
  const world = await openWorld({
    ...options,
    pullThrough: {
      manifest: (repository, reference) => joined().manifest(repository, reference),
      blob: (repository, digest) => joined().blob(repository, digest),
      store: (repository, digest) => joined().store(repository, digest),
    },
  })
  const { domain, content, blobs, limits } = world
  // a busy machine must not count as a silent registry
  const egress = { timeouts: { headers: 60_000, stream: 60_000 } }
  const remote = new TestClient({ egress, ...client })
  const warnings: PullWorld['warnings'] = []
  const opened = createPullThrough({
    db: domain.db,
    content,
    blobs,
    limits,
    now: () => domain.time,
    source: {
      fetchBlob: (reference, context, descriptor) =>
        remote.remote.repository(reference, context).fetchBlob(descriptor),
    },
    log: { warn: (fields, message) => void warnings.push({ fields, message }) },
  })
  pullThrough = opened

  return {
    ...world,
    pullThrough: opened,
    warnings,

    async importTag({ from, content, stream = 'web', tag = 'v1', policy = 'Local', ...imported }) {
      domain.remote.push(from, tag, content)
      const { importMode = 'PreserveOriginal', insecure = false } = imported
      const spec = fromImage(tag, `${from}:${tag}`, {
        referencePolicy: { type: policy },
        importPolicy: { importMode, insecure, scheduled: false },
      })
      const namespace = 'shop'
      const { importId } = domain.writer.create(SYSTEM, { namespace, name: stream, spec: { tags: [spec] } })
      await domain.finished(importId ?? 0)
    },

    async moveTag({ from, content, stream = 'web', tag = 'v1' }) {
      domain.remote.push(from, tag, content)
      await domain.import({ namespace: 'shop', imageStream: stream, tag })
    },

    async getBlob({ digest }, stream = 'web') {
      return world.get(`/v2/shop/${stream}/blobs/${digest}`)
    },

    async [Symbol.asyncDispose]() {
      await opened[Symbol.asyncDispose]()
      await world[Symbol.asyncDispose]()
      await remote[Symbol.asyncDispose]()
    },
  }
}
