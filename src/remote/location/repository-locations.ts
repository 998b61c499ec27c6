import { RegistryError } from '../../oci/registry-error.ts'
import type { RegistryRepository } from '../content/registry-repository.ts'
import { blockedError, combinedError, type FailedLocation, unusableLocationError } from './location-errors.ts'
import type { RegistryRules, RepositoryLocation, RepositoryName } from './registry-rules.ts'

/** Requested content: digests of tags, content by digest, or a list, which is complete at the origin only. */
export type ContentKind = 'TAGS' | 'DIGESTS' | 'LISTS'

export interface RepositoryLocationsOptions {
  /** The current rules, read before each request. */
  readonly rules: () => RegistryRules
  /** Opens the repository of one location. */
  readonly open: (location: RepositoryLocation) => RegistryRepository
  readonly signal: AbortSignal
  readonly warn: (location: RepositoryLocation, message: string) => void
}

/**
 * The locations of one repository. Tags and content are requested from the mirrors for them in order, then from the origin.
 * Lists are requested from the origin, because a mirror may hold only content that was read through it; from mirrors only
 * when the origin is unavailable.
 */
export class RepositoryLocations {
  readonly #reference: RepositoryName
  readonly #options: RepositoryLocationsOptions
  readonly #opened = new Map<string, RegistryRepository>()
  /** The same by location object, which stays the same until the rules change: saves computing the key. */
  readonly #byLocation = new WeakMap<RepositoryLocation, RegistryRepository>()

  constructor(reference: RepositoryName, options: RepositoryLocationsOptions) {
    this.#reference = reference
    this.#options = options
  }

  /**
   * Returns the first result of the locations. Those that failed before are used last, when the others are unavailable. Throws
   * RegistryError when all of them fail.
   */
  async firstOf<Result>(
    kind: ContentKind,
    request: (repository: RegistryRepository, location: RepositoryLocation) => Promise<Result>,
    hasFailed: (location: RepositoryLocation) => boolean = () => false,
  ): Promise<Result> {
    const failures: FailedLocation[] = []
    const locations = this.#locationsFor(kind)
    const inOrder = [...locations.filter((one) => !hasFailed(one)), ...locations.filter(hasFailed)]
    for (const location of inOrder) {
      const origin = failures.find((failure) => !failure.location.isMirror)
      if (origin && !UNAVAILABLE.has(origin.error.reason)) break
      try {
        return await request(this.#open(location), location)
      } catch (error) {
        this.#recordFailure(kind, failures, location, error)
      }
    }
    throw combinedError(this.#reference, failures)
  }

  /** Returns a list, page by page, from the first location that has one. A list is not continued at another location. */
  async *list<Page>(
    request: (repository: RegistryRepository) => AsyncIterable<Page>,
    isContinued: boolean,
  ): AsyncGenerator<Page> {
    const failures: FailedLocation[] = []
    for (const location of this.#locationsFor('LISTS')) {
      let isStarted = isContinued
      try {
        for await (const page of request(this.#open(location))) {
          isStarted = true
          yield page
        }
        return
      } catch (error) {
        if (isStarted) throw error
        this.#recordFailure('LISTS', failures, location, error)
      }
    }
    throw combinedError(this.#reference, failures)
  }

  #locationsFor(kind: ContentKind): readonly RepositoryLocation[] {
    const { registry, repository } = this.#reference
    const plan = this.#options.rules().planOf(registry, repository)
    if ('blockedBy' in plan) throw blockedError(this.#reference, plan.blockedBy)
    // most repositories have no mirrors
    if (plan.locations.length === 1) return plan.locations
    const use = kind === 'LISTS' ? 'TAGS' : kind
    const origin = plan.locations.filter(({ isMirror }) => !isMirror)
    const mirrors = plan.locations.filter(
      ({ isMirror, serves }) => isMirror && (serves === 'ALL' || serves === use),
    )
    return kind === 'LISTS' ? [...origin, ...mirrors] : [...mirrors, ...origin]
  }

  /** Throws RegistryError when the configuration of the location cannot be applied. */
  #open(location: RepositoryLocation): RegistryRepository {
    if (location.problem) throw unusableLocationError(location, location.problem)
    let repository = this.#byLocation.get(location)
    if (repository) return repository
    const { registry, repository: name, insecure, route } = location
    const key = JSON.stringify([registry, name, insecure, route?.id])
    repository = this.#opened.get(key) ?? this.#options.open(location)
    this.#opened.set(key, repository)
    this.#byLocation.set(location, repository)
    return repository
  }

  /** Records that a location failed. Throws when no other location can be used. */
  #recordFailure(
    kind: ContentKind,
    failures: FailedLocation[],
    location: RepositoryLocation,
    error: unknown,
  ): void {
    const { signal, warn } = this.#options
    if (!(error instanceof RegistryError) || signal.aborted) throw error
    failures.push({ location, error })
    if (location.isMirror && error.reason === 'InvalidManifest') warn(location, error.message)
    if (kind === 'LISTS' && !UNAVAILABLE.has(error.reason)) throw combinedError(this.#reference, failures)
  }
}

/** Reasons that prove nothing about the content of a registry. */
const UNAVAILABLE: ReadonlySet<string> = new Set(['RegistryUnavailable', 'TooManyRequests'])
