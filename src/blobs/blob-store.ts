import { stat, unlink } from 'node:fs/promises'
import { KeyLock } from '../concurrency/bounded.ts'
import { SingleFlight } from '../concurrency/single-flight.ts'
import type { Digest, DigestAlgorithm } from '../oci/digest.ts'
import { WriteBudget } from './background-writer.ts'
import { BufferPool } from './buffer-pool.ts'
import { createFile } from './create-file.ts'
import { DurableFolders, makeFolder, unlessAbsent } from './folders.ts'
import { FreeSpace, type FreeSpaceOptions } from './free-space.ts'
import { type Inspection, inspectBlob, type Pace } from './inspect.ts'
import type { UploadSummary } from './layout.ts'
import {
  ALGORITHMS,
  blobsOnDisk,
  findUpload,
  isRepository,
  isUploadId,
  Layout,
  newUploadId,
  readUpload,
  type UploadName,
  uploadsInto,
  uploadsOnDisk,
} from './layout.ts'
import type { OpenBlob } from './open-blob.ts'
import { openBlob } from './open-blob.ts'
import type { StoreParts } from './parts.ts'
import { quarantineBlob, quarantined } from './quarantine.ts'
import { UnfinishedBytes } from './unfinished-bytes.ts'
import type { Upload } from './upload.ts'
import { DiskUpload } from './upload.ts'
import { UploadRegister } from './upload-register.ts'

/** A store of content-addressed bytes: complete, verified and synced. Callers decide on access. */
export type BlobStore = Pick<
  DiskStore,
  | 'createUpload'
  | 'upload'
  | 'uploads'
  | 'uploadsInto'
  | 'unfinishedBytes'
  | 'discardIdle'
  | 'open'
  | 'has'
  | 'inspect'
  | 'quarantine'
  | 'quarantined'
  | 'remove'
  | 'stored'
  | 'requireSpace'
>

/** Settings of a blob store on disk. */
export interface DiskStoreOptions extends FreeSpaceOptions {
  /** The data folder, in which the store creates `blobs` and `uploads` for its owner only. One store uses it at a time. */
  readonly folder: string
}

/**
 * Creates a blob store in a folder. Disposing of it closes the files of uploads without removing them; readers close open
 * blobs themselves.
 */
export async function createDiskStore(options: DiskStoreOptions): Promise<DiskStore> {
  const layout = new Layout(options.folder)
  const folders = new DurableFolders()
  await makeFolder(layout.uploads)
  await folders.begin(layout.blobs)
  for (const algorithm of ALGORITHMS) await folders.begin(layout.blobsBy(algorithm))
  return new DiskStore({
    layout,
    folders,
    locks: new KeyLock(),
    uploadFolders: new KeyLock(),
    pool: new BufferPool(),
    budget: new WriteBudget(),
    space: new FreeSpace(options),
    unfinished: new UnfinishedBytes(),
    now: options.now,
  })
}

/** A blob store in a folder. */
export class DiskStore implements AsyncDisposable {
  readonly #parts: StoreParts
  readonly #register = new UploadRegister()
  /** Two objects for one upload could both write to it. */
  readonly #restoring = new SingleFlight<DiskUpload | undefined>()
  readonly #watch = {
    onUse: (upload: DiskUpload): void => this.#register.use(upload),
    onGone: (upload: DiskUpload): void => this.#register.delete(upload),
  }
  #isClosed = false

  constructor(parts: StoreParts) {
    this.#parts = parts
  }

  /** Creates an empty upload into the repository `namespace/name`. The id must be new. Throws StorageFullError. */
  async createUpload(repository: string, algorithm: DigestAlgorithm, id = newUploadId()): Promise<Upload> {
    const { layout, space, now, uploadFolders } = this.#parts
    const path = layout.upload(repository, id, algorithm)
    this.#requireOpen()
    await space.ensure()
    const startedAt = now()
    const file = await createFile(path, startedAt, uploadFolders)
    const record = { id, repository, algorithm, size: 0, startedAt, changedAt: startedAt }
    const upload = new DiskUpload(this.#parts, this.#watch, record, file)
    this.#register.add(upload)
    if (this.#isClosed) await upload.close()
    return upload
  }

  /** Returns an unfinished upload, also one from before a restart; undefined for an upload of another repository. */
  async upload(repository: string, id: string): Promise<Upload | undefined> {
    if (!isRepository(repository) || !isUploadId(id)) return undefined
    this.#requireOpen()
    const upload = this.#register.get(id) ?? (await this.#restored(repository, id))
    return upload?.record.repository === repository && !upload.isGone ? upload : undefined
  }

  /** Returns all unfinished uploads. */
  async uploads(): Promise<readonly UploadSummary[]> {
    const summaries: UploadSummary[] = []
    for await (const names of uploadsOnDisk(this.#parts.layout)) {
      summaries.push(...(await this.#summaries(names)))
    }
    return summaries
  }

  /** Returns the unfinished uploads into `namespace/name` whose id meets the condition; none for an invalid repository. */
  async uploadsInto(
    repository: string,
    isWanted: (id: string) => boolean,
  ): Promise<readonly UploadSummary[]> {
    const names = await uploadsInto(this.#parts.layout, repository)
    return await this.#summaries(names.filter(({ id }) => isWanted(id)))
  }

  /** Returns the bytes of the unfinished uploads into repositories of the namespace. */
  unfinishedBytes(namespace: string): number {
    return this.#parts.unfinished.of(namespace)
  }

  /** Removes the uploads into repositories of the namespace that have received no byte for so many milliseconds. */
  async discardIdle(namespace: string, milliseconds: number): Promise<void> {
    const { unfinished, now } = this.#parts
    for (const { repository, id } of unfinished.uploadsOf(namespace)) {
      const upload = this.#register.get(id) ?? (await this.#restored(repository, id))
      const isIdle = upload && !upload.isBusy && upload.summary().changedAt <= now() - milliseconds
      if (isIdle) await upload.discard()
    }
  }

  /** Opens a blob; undefined when it does not exist. */
  async open(digest: Digest): Promise<OpenBlob | undefined> {
    return await openBlob(this.#parts.layout.blob(digest), this.#parts.pool)
  }

  /** Reports whether a blob of this size is stored: a damaged disk may have lost its file, or a part of it. */
  async has(digest: Digest, size: number): Promise<boolean> {
    const status = await unlessAbsent(stat(this.#parts.layout.blob(digest)))
    return status?.isFile() === true && status.size === size
  }

  /** Compares all bytes of a blob with its digest, at this pace. */
  inspect(digest: Digest, size: number, pace: Pace): Promise<Inspection> {
    const { layout, pool } = this.#parts
    return inspectBlob(layout.blob(digest), { digest, size, pool, pace })
  }

  /** Moves a damaged blob out of the way of clients, unless another file took its place. Returns the name of the moved file. */
  quarantine(digest: Digest, { file }: Inspection): Promise<string | undefined> {
    return quarantineBlob(this.#parts, digest, file)
  }

  /** Returns the number of files in quarantine, and their bytes. */
  quarantined(): ReturnType<typeof quarantined> {
    return quarantined(this.#parts.layout.quarantine)
  }

  /**
   * Removes the bytes unless `isWanted`, which is called while no upload of the digest is between its bytes and its row.
   * Readers that have the blob open can continue. Returns the number of freed bytes.
   */
  async remove(digest: Digest, isWanted: () => boolean): Promise<number> {
    const path = this.#parts.layout.blob(digest)
    return await this.#parts.locks.run(digest, async () => {
      const status = await unlessAbsent(stat(path))
      // called last: nothing may happen between this check and the removal
      if (!status || isWanted()) return 0
      await unlessAbsent(unlink(path))
      return status.size
    })
  }

  /** Throws StorageFullError when so many bytes do not fit on the disk now; reserves nothing. */
  requireSpace(bytes: number): Promise<void> {
    return this.#parts.space.ensureFor(bytes)
  }

  /** Iterates over all blobs on the disk. */
  stored(): AsyncIterable<{ readonly digest: Digest; readonly size: number }> {
    return blobsOnDisk(this.#parts.layout)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#restoring.inFlight)
    await this.#register.close()
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new Error('the blob store is closed')
  }

  #restored(repository: string, id: string): Promise<DiskUpload | undefined> {
    return this.#restoring.run(`${repository}/${id}`, () => this.#restore(repository, id))
  }

  async #restore(repository: string, id: string): Promise<DiskUpload | undefined> {
    const record = await findUpload(this.#parts.layout, repository, id)
    if (!record) return undefined
    const upload = new DiskUpload(this.#parts, this.#watch, record)
    this.#register.add(upload)
    return upload
  }

  async #summaries(names: readonly UploadName[]): Promise<UploadSummary[]> {
    const found = await Promise.all(names.map((name) => this.#summary(name)))
    return found.filter((summary) => summary !== undefined)
  }

  async #summary(name: UploadName): Promise<UploadSummary | undefined> {
    const upload = this.#register.get(name.id)
    if (upload) return upload.isGone ? undefined : upload.summary()
    return await readUpload(this.#parts.layout, name)
  }
}
