import { ExpiringCache } from '../../concurrency/cache.ts'

/** Repositories of one host that are remembered. */
const MAX_REPOSITORIES = 1000
/** Milliseconds. */
const LIFETIME = 3_600_000

/** Whether HEAD of a manifest returns a digest, by repository: a host may pass its repositories on to different servers. */
export class HeadHints {
  readonly #byRepository = new ExpiringCache<boolean>(MAX_REPOSITORIES)

  /** Reports whether HEAD returned a digest in the last hour, or none; undefined while unknown. `now` since 1970. */
  returnsDigest(repository: string, now: number): boolean | undefined {
    return this.#byRepository.get(repository, now)
  }

  /** Records the outcome of a HEAD. `now` in milliseconds since 1970. */
  record(repository: string, returnsDigest: boolean, now: number): void {
    this.#byRepository.set(repository, returnsDigest, now + LIFETIME)
  }
}
