import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import type { BlobStore } from '../../src/blobs/blob-store.ts'
import { createDiskStore, type DiskStoreOptions } from '../../src/blobs/blob-store.ts'
import type { Upload } from '../../src/blobs/upload.ts'
import { algorithmOf, type Digest, digestOf } from '../../src/oci/digest.ts'

export const REPOSITORY = 'shop/web'
export const ENOUGH = { maxSize: Number.MAX_SAFE_INTEGER }
export const MiB = 1 << 20

export type DiskStore = BlobStore & AsyncDisposable

export interface World extends AsyncDisposable {
  /** The data folder. */
  readonly folder: string
  store: DiskStore
  /** Stops the store as at the end of a process, and opens another one on the same folder. */
  restart(options?: Partial<DiskStoreOptions>): Promise<DiskStore>
  /** Every file, and every empty folder, below the data folder's `uploads`. */
  leftovers(): Promise<string[]>
}

export async function createWorld(options: Partial<DiskStoreOptions> = {}): Promise<World> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'imagestreams-blobs-')))
  const open = (more: Partial<DiskStoreOptions> = {}): Promise<DiskStore> =>
    createDiskStore({ folder, now: Date.now, minimumFreeBytes: 0, ...options, ...more })
  const world: World = {
    folder,
    store: await open(),
    async restart(more) {
      await world.store[Symbol.asyncDispose]()
      world.store = await open(more)
      return world.store
    },
    leftovers: () => readdir(join(folder, 'uploads'), { recursive: true }),
    async [Symbol.asyncDispose]() {
      await world.store[Symbol.asyncDispose]()
      if (!options.folder) await rm(folder, { recursive: true })
    },
  }
  return world
}

/** Random bytes, the same for the same seed: no two parts are equal. */
export function bytesOf(size: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  let state = seed >>> 0 || 1
  for (let at = 0; at < size; at++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[at] = state
  }
  return bytes
}

/** Reports whether the bytes are equal, faster than `toEqual`. */
export const isSame = (one: Uint8Array | undefined, other: Uint8Array): boolean =>
  one !== undefined && Buffer.compare(one, other) === 0

/** Adds a blob to the store. */
export async function push(store: BlobStore, bytes: Uint8Array, digest = digestOf(bytes)): Promise<Digest> {
  const upload = await store.createUpload(REPOSITORY, algorithmOf(digest))
  await upload.append([bytes], ENOUGH)
  await upload.commit(digest, async () => {})
  return digest
}

/** The whole blob; undefined when the store has none. */
export async function pull(store: BlobStore, digest: Digest): Promise<Buffer | undefined> {
  await using blob = await store.open(digest)
  if (!blob) return undefined
  const sink = new Sink()
  await blob.send({ start: 0, end: blob.size }, sink)
  return sink.bytes()
}

export const findUpload = async (store: BlobStore, { id }: Pick<Upload, 'id'>): Promise<Upload> => {
  const upload = await store.upload(REPOSITORY, id)
  if (!upload) throw new Error('the upload is not there')
  return upload
}

/** A writable stream that keeps its bytes. */
export class Sink extends Writable {
  readonly #chunks: Buffer[] = []
  received = 0
  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    // a copy: the sender reuses its buffer after the callback
    this.#chunks.push(Buffer.from(chunk))
    this.received += chunk.length
    this.emit('bytes')
    done()
  }
  bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}

export interface LoopbackServer extends AsyncDisposable {
  readonly port: number
}

export async function serve(listener: RequestListener): Promise<LoopbackServer> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export const bodyOf = async (response: IncomingMessage): Promise<Buffer> =>
  Buffer.concat(await response.toArray())
