import { UploadBusyError } from './blob-store.ts'

/** One piece of work at a time; who comes meanwhile is refused. */
export class SoleWork {
  #current: { readonly stop: AbortController; readonly ended: Promise<unknown> } | undefined

  get isBusy(): boolean {
    return this.#current !== undefined
  }

  /** Resolves when nothing is at work, whatever came of it. */
  get ended(): Promise<unknown> {
    return this.#current?.ended ?? Promise.resolve()
  }

  /** Throws UploadBusyError. */
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

  /** Asks what is at work to stop, and waits until it has. */
  async stop(reason: Error): Promise<void> {
    this.#current?.stop.abort(reason)
    await this.ended
  }
}
