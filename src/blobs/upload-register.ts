import type { DiskUpload } from './disk-upload.ts'

/** Uploads that were used last: their files stay open and their hashes known until their next request. */
const RECENT = 256

/**
 * The uploads that are in memory, each once: as long as anybody has one, whoever else asks gets the same, so that two
 * writers meet. What nobody uses goes, and comes again from the disk.
 */
export class UploadRegister {
  readonly #known = new Map<string, WeakRef<DiskUpload>>()
  /** The one used last comes last. */
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
      // one at work stays, and there are no more of these than requests
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
    // a file that cannot be closed has nothing more to tell: its bytes are verified when they are committed
    const resting = upload.rest().catch(() => {})
    this.#resting.add(resting)
    resting.finally(() => this.#resting.delete(resting))
  }
}
