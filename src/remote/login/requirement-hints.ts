import { LRUCache } from 'lru-cache'
import { SingleFlight } from '../../concurrency/single-flight.ts'
import { type AuthRequirement, isSameRequirement } from './challenge.ts'

/** What requests must be authorized by; `none` when one without authorization succeeded. */
export type Requirement = AuthRequirement | 'none'

/** Repositories of one host whose requirements are remembered. */
const MAX_REPOSITORIES = 1000
/** Milliseconds for which a requirement is not doubted again after it failed and the registry repeated it. */
const CONFIRMED_FOR = 60_000

interface Entry {
  readonly requirement: Requirement
  /** Milliseconds since 1970. */
  readonly confirmedUntil: number
}

/**
 * The requirements of one host, by repository: two repositories of a host may have different token servers. A repository
 * without a requirement of its own has the default: the last one of the host by which a request succeeded.
 */
export class RequirementHints {
  readonly #byRepository = new LRUCache<string, Entry>({ max: MAX_REPOSITORIES })
  readonly #rediscoveries = new SingleFlight<void>()
  #default: Requirement | undefined

  /** Whether no rediscovery is in flight. */
  get idle(): boolean {
    return this.#rediscoveries.inFlight.length === 0
  }

  /** Returns the repository's requirement; undefined while none of the host is known. An equal one is the same object. */
  of(repository: string): Requirement | undefined {
    return this.#byRepository.get(repository)?.requirement ?? this.#default
  }

  /** Records a requirement that the registry sent for the repository. Returns whether it differs from the known one. */
  learn(repository: string, requirement: Requirement): boolean {
    const known = this.of(repository)
    this.#default ??= requirement
    if (known && isSame(known, requirement)) return false
    const kept = isSame(this.#default, requirement) ? this.#default : requirement
    this.#byRepository.set(repository, { requirement: kept, confirmedUntil: 0 })
    return true
  }

  /** Records that a request succeeded by the repository's requirement. */
  recordSuccess(repository: string): void {
    const requirement = this.of(repository)
    if (!requirement) return
    this.#default = requirement
    // without an entry the repository would follow the default
    if (!this.#byRepository.has(repository)) {
      this.#byRepository.set(repository, { requirement, confirmedUntil: 0 })
    }
  }

  /** Reports whether the requirement failed recently and was then repeated by the registry. `now` as of `confirm`. */
  isConfirmed(repository: string, now: number): boolean {
    return (this.#byRepository.peek(repository)?.confirmedUntil ?? 0) > now
  }

  /** Records that the requirement, which failed, is not outdated. `now` in milliseconds since 1970. */
  confirm(repository: string, now: number): void {
    const requirement = this.of(repository)
    if (requirement) this.#byRepository.set(repository, { requirement, confirmedUntil: now + CONFIRMED_FOR })
  }

  /** Lets one request find out the repository's requirement while the others wait. Rejects as `discover` does. */
  rediscover(repository: string, discover: () => Promise<void>, signal: AbortSignal): Promise<void> {
    return this.#rediscoveries.run(repository, discover, signal)
  }
}

const isSame = (one: Requirement, other: Requirement): boolean =>
  one === other || (one !== 'none' && other !== 'none' && isSameRequirement(one, other))
