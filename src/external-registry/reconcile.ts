import { forEachBounded } from '../concurrency/bounded.ts'
import { QueueBlockedError } from '../concurrency/keyed-queues.ts'
import type { Database } from '../db/open.ts'
import { ImageGoneError } from '../imagestream/image/image.ts'
import type { Digest } from '../oci/digest.ts'
import { InvalidManifestError } from '../oci/manifest.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { TagName } from '../oci/tag.ts'
import type { NotificationInbox } from './notification-inbox.ts'
import { type ExternalOrigin, originOf, queueKeyOf } from './origin.ts'
import type { ExternalRepository } from './repository.ts'
import type { ExternalTag, ExternalTags } from './tags.ts'

/** Counts of a full scan of the registry. */
export interface ReconcileResult {
  /** Repositories that were read. */
  readonly repositories: number
  /** Tags that got another image: pushes without a notification. */
  readonly recorded: number
  /** Tags that no longer exist. */
  readonly removed: number
  /** Repositories or tags that could not be read; the next scan retries them. */
  readonly failed: number
}

interface ReconcileDependencies {
  readonly db: Database
  readonly inbox: NotificationInbox
  readonly tags: ExternalTags
  /** Yields the registry's repositories, page by page. */
  readonly catalog: () => AsyncIterable<readonly string[]>
  readonly open: (repository: string) => ExternalRepository
  /** Runs a task of a stream alone, after its earlier notifications. Rejects with QueueBlockedError. */
  readonly runInQueue: <Result>(key: string, task: () => Promise<Result>) => Promise<Result>
  readonly signal: AbortSignal
  readonly warn: (message: string) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Repositories, and tags of each, that are read at a time. */
const REPOSITORIES_IN_FLIGHT = 4
const TAGS_IN_FLIGHT = 8
/** Consecutive failures after which the registry itself is considered unavailable. */
const MAX_CONSECUTIVE_FAILURES = 20

type Correction = 'recorded' | 'removed' | 'unchanged'

/**
 * Compares every tag of the registry with its stream. A difference is checked again in the stream's queue, so that the
 * registry's response is newer than all handled notifications, and recorded only if the tag has not changed since. Throws
 * RegistryError when the registry is unavailable.
 */
export async function reconcile(dependencies: ReconcileDependencies): Promise<ReconcileResult> {
  return new FullScan(dependencies).run()
}

class FullScan {
  readonly #dependencies: ReconcileDependencies
  readonly #counts = { repositories: 0, recorded: 0, removed: 0, failed: 0 }
  #failure: { readonly error: unknown } | undefined
  #consecutiveFailures = 0

  constructor(dependencies: ReconcileDependencies) {
    this.#dependencies = dependencies
  }

  async run(): Promise<ReconcileResult> {
    const { signal } = this.#dependencies
    const paths = await pathsOf(this.#dependencies)
    await forEachBounded(this.#untilFailure(paths), REPOSITORIES_IN_FLIGHT, async (path) => {
      this.#counts.repositories++
      await this.#counting(() => this.#scanRepository(originOf(path)))
    })
    signal.throwIfAborted()
    if (this.#failure) throw this.#failure.error
    return this.#counts
  }

  *#untilFailure<Item>(items: Iterable<Item>): Generator<Item, void> {
    for (const item of items) {
      if (this.#failure || this.#dependencies.signal.aborted) return
      yield item
    }
  }

  async #scanRepository(origin: ExternalOrigin): Promise<void> {
    const { open, tags } = this.#dependencies
    const remote = open(origin.repository)
    const names = new Set(await remote.listTags())
    // a tag that the list lacks is gone only if the registry returns a 404 for its name
    for (const { tag } of tags.tagsFrom(origin)) names.add(tag)
    await forEachBounded(this.#untilFailure(names), TAGS_IN_FLIGHT, (tag) =>
      this.#counting(() => this.#compare(origin, remote, tag)),
    )
  }

  async #compare(origin: ExternalOrigin, remote: ExternalRepository, tag: TagName): Promise<void> {
    const { tags, runInQueue } = this.#dependencies
    const known = tags.find(origin, tag)
    if (isSame(known, await remote.resolve(tag, knownDigestOf(known)))) return
    const correction = await runInQueue(queueKeyOf(origin.repository), () =>
      correct(this.#dependencies, origin, { remote, tag }),
    )
    if (correction !== 'unchanged') this.#counts[correction]++
  }

  /** Counts an expected failure of one item; any other, or too many in a row, ends the scan after the running work. */
  async #counting(work: () => Promise<void>): Promise<void> {
    try {
      await work()
      this.#consecutiveFailures = 0
    } catch (error) {
      if (error instanceof RegistryError) this.#consecutiveFailures++
      if (!isExpected(error) || this.#consecutiveFailures > MAX_CONSECUTIVE_FAILURES) {
        this.#failure ??= { error }
        return
      }
      this.#counts.failed++
      this.#dependencies.warn(error.message)
    }
  }
}

/** Returns the repositories that the registry has, and those that it had. */
async function pathsOf({ catalog, tags, warn }: ReconcileDependencies): Promise<ReadonlySet<string>> {
  const paths = new Set<string>()
  for await (const page of catalog()) for (const path of page) paths.add(path)
  const isEmpty = paths.size === 0
  for await (const path of tags.repositories()) {
    if (isEmpty) {
      // more likely a registry whose storage is missing
      warn('the registry has no repositories: its recorded tags are kept')
      break
    }
    paths.add(path)
  }
  return paths
}

/** Points the tag to the image that the registry returns now, or removes the tag. */
async function correct(
  { db, inbox, tags, now }: ReconcileDependencies,
  origin: ExternalOrigin,
  { remote, tag }: { remote: ExternalRepository; tag: TagName },
): Promise<Correction> {
  const { repository } = origin
  // before the request: pushes during the request are newer
  const at = now()
  const before = tags.find(origin, tag)
  const digest = await remote.resolve(tag, knownDigestOf(before))
  if (isSame(before, digest)) return 'unchanged'
  const isFromHere = before !== undefined && tags.isFrom(origin, before)

  if (digest === null) {
    if (!before || !isFromHere || tags.isInSpec(before)) return 'unchanged'
    return db.transactTogether((tx): Correction => {
      if (!tags.isUnchanged(origin, tag, before)) return 'unchanged'
      tags.remove(tx, origin, before)
      inbox.recordObservation(tx, { repository, tag, digest, at })
      return 'removed'
    })
  }

  // an import or a push to another place came later: that the registry still has the older image is no change
  if (before && !isFromHere && tags.hadImage(before, digest)) return 'unchanged'
  using session = remote.begin()
  const image = await remote.fetchImage(session, digest)
  if (!image) return 'unchanged'
  return db.transactTogether((tx): Correction => {
    if (!tags.isUnchanged(origin, tag, before)) return 'unchanged'
    inbox.recordObservation(tx, { repository, tag, digest, at })
    return tags.record(tx, origin, tag, image) ? 'recorded' : 'unchanged'
  })
}

const knownDigestOf = (tag: ExternalTag | undefined): Digest | null =>
  tag?.upstreamDigest ?? tag?.digest ?? null

/** Reports whether the tag has this state. A tag whose image was chosen from an index also matches by the index's digest. */
const isSame = (tag: ExternalTag | undefined, digest: Digest | null): boolean =>
  digest === null ? tag === undefined : tag?.digest === digest || tag?.upstreamDigest === digest

const isExpected = (error: unknown): error is Error =>
  error instanceof RegistryError ||
  error instanceof InvalidManifestError ||
  error instanceof QueueBlockedError ||
  error instanceof ImageGoneError
