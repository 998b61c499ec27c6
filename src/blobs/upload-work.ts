import { UploadBusyError, UploadGoneError } from './errors.ts'

/** The upload of the work. */
interface WorkSubject {
  /** Called before work starts, for which the file is opened. */
  readonly onUse: () => void
  /** Called once; `why` is undefined after a commit. */
  readonly remove: (why: unknown) => Promise<void>
}

/**
 * Work on one upload, one at a time, until the upload is removed. Unlike KeyLock it refuses further work instead of
 * queueing it, since the protocol requires an error for a second writer, and the work in progress can be stopped.
 */
export class UploadWork {
  readonly #upload: WorkSubject
  #current: { readonly stop: AbortController; readonly ended: Promise<unknown> } | undefined
  #isUnwanted = false
  #removal: Promise<void> | undefined

  constructor(upload: WorkSubject) {
    this.#upload = upload
  }

  get isBusy(): boolean {
    return this.#current !== undefined
  }

  /** Whether the upload was discarded. */
  get isUnwanted(): boolean {
    return this.#isUnwanted
  }

  /** Whether the upload is finished or discarded, or will be. */
  get isGone(): boolean {
    return this.#isUnwanted || this.#removal !== undefined
  }

  /** Resolves when no work is in progress, whether it succeeded or failed. */
  get ended(): Promise<unknown> {
    return this.#current?.ended ?? Promise.resolve()
  }

  /** Settles as the work does. Throws UploadBusyError while other work is in progress, and UploadGoneError. */
  async run<Result>(work: (stop: AbortController) => Promise<Result>): Promise<Result> {
    if (this.isGone) throw new UploadGoneError('the upload is finished or discarded')
    this.#upload.onUse()
    if (this.#current) throw new UploadBusyError('another request writes to the upload')
    const stop = new AbortController()
    const working = work(stop)
    this.#current = { stop, ended: working.catch(() => {}) }
    try {
      return await working
    } finally {
      this.#current = undefined
    }
  }

  /** Aborts the work in progress, and waits for its end. */
  async stop(reason: Error): Promise<void> {
    this.#current?.stop.abort(reason)
    await this.ended
  }

  /** Aborts the work in progress, waits for its end, and removes the upload. */
  async discard(reason: Error): Promise<void> {
    this.#isUnwanted = true
    await this.stop(reason)
    await this.remove(reason)
  }

  /** Removes the upload, and refuses further work. */
  remove(why?: unknown): Promise<void> {
    this.#removal ??= this.#upload.remove(why)
    return this.#removal
  }

  /** As `remove`, but ignores errors: a later purge removes what is left. */
  async removeAfter(why?: unknown): Promise<void> {
    await this.remove(why).catch(() => {})
  }
}
