import type { DiskUpload } from './upload.ts'

/** Number of most recently used uploads whose files stay open and whose hashes stay in memory. */
const RECENT = 256

/**
 * The uploads in memory. While an upload object is in use, all requests get the same one, so that it can exclude a second
 * writer. Unused objects are dropped, and are read from the disk again.
 */
export class UploadRegister {
  readonly #known = new Map<string, WeakRef<DiskUpload>>()
  /** The most recently used last. Not an LRUCache: busy uploads stay, beyond the limit too. */
  readonly #recent = new Map<string, DiskUpload>()
  readonly #forget = new FinalizationRegistry<string>((id) => {
    if (!this.#known.get(id)?.deref()) this.#known.delete(id)
  })
  readonly #resting = new Set<Promise<void>>()

  get(id: string): DiskUpload | undefined {
    return this.#known.get(id)?.deref()
  }

  add(upload: DiskUpload): void {
    this.#known.set(upload.id, new WeakRef(upload))
    this.#forget.register(upload, upload.id)
    this.use(upload)
  }

  use(upload: DiskUpload): void {
    this.#recent.delete(upload.id)
    this.#recent.set(upload.id, upload)
    for (const [id, oldest] of this.#recent) {
      if (this.#recent.size <= RECENT) return
      // busy uploads stay; there are no more of them than requests
      if (oldest === upload || oldest.isBusy) continue
      this.#recent.delete(id)
      this.#rest(oldest)
    }
  }

  delete(upload: DiskUpload): void {
    this.#known.delete(upload.id)
    this.#recent.delete(upload.id)
  }

  /** Stops all work and closes all files. */
  async close(): Promise<void> {
    await Promise.all([...this.#recent.values()].map((upload) => upload.close()))
    await Promise.all(this.#resting)
  }

  #rest(upload: DiskUpload): void {
    // an error of closing the file can be ignored: the bytes are verified by the commit
    const resting = upload.rest().catch(() => {})
    this.#resting.add(resting)
    resting.finally(() => this.#resting.delete(resting))
  }
}
