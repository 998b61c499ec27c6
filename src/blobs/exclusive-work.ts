import { UploadBusyError } from './blob-store.ts'

/**
 * Work on one upload, one at a time. Unlike KeyLock it refuses further work instead of queueing it, since the protocol
 * requires an error for a second writer, and the work in progress can be stopped.
 */
export class ExclusiveWork {
  #current: { readonly stop: AbortController; readonly ended: Promise<unknown> } | undefined

  get isBusy(): boolean {
    return this.#current !== undefined
  }

  /** Resolves when no work is in progress, whether it succeeded or failed. */
  get ended(): Promise<unknown> {
    return this.#current?.ended ?? Promise.resolve()
  }

  /** Settles as the work does. Throws UploadBusyError while other work is in progress. */
  async run<Result>(work: (stop: AbortController) => Promise<Result>): Promise<Result> {
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
}
