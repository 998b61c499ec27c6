import { ExpiringCache } from '../../concurrency/cache.ts'

/** Repositories of one host that are remembered. */
const MAX_REPOSITORIES = 1000
/** Milliseconds. */
const LIFETIME = 3_600_000

/** The size of the parts in which blobs are uploaded, by repository, where the usual size was refused. */
export class UploadHints {
  readonly #byRepository = new ExpiringCache<number>(MAX_REPOSITORIES)

  /** Returns the bytes of one request that were accepted in the last hour; undefined while unknown. `now` since 1970. */
  chunkOf(repository: string, now: number): number | undefined {
    return this.#byRepository.get(repository, now)
  }

  /** Records the bytes of one request that were accepted, Infinity for whole blobs only. `now` in milliseconds since 1970. */
  record(repository: string, chunk: number, now: number): void {
    this.#byRepository.set(repository, chunk, now + LIFETIME)
  }
}
