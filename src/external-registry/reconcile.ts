import { forEachBounded } from '../concurrency/bounded.ts'
import { QueueBlockedError } from '../concurrency/keyed-queues.ts'
import type { Database } from '../db/open.ts'
import { ImageGoneError } from '../imagestream/image/image.ts'
import type { Digest } from '../oci/digest.ts'
import { InvalidManifestError } from '../oci/manifest.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { TagName } from '../oci/tag.ts'
import { type Origin, originOf, turnOf } from './origin.ts'
import type { ExternalInbox } from './ports.ts'
import type { ExternalRepository } from './repository.ts'
import type { ExternalTag, ExternalTags } from './tags.ts'

/** What a look over the whole registry found. */
export interface ReconcileResult {
  /** Repositories that were looked at. */
  readonly repositories: number
  /** Tags whose image was missed: pushes that nobody told of. */
  readonly recorded: number
  /** Tags that were gone. */
  readonly removed: number
  /** Repositories or tags that could not be looked at; the next look tries again. */
  readonly failed: number
}

export interface ReconcileDependencies {
  readonly db: Database
  readonly inbox: ExternalInbox
  readonly tags: ExternalTags
  /** The registry's repositories, page by page. */
  readonly catalog: () => AsyncIterable<readonly string[]>
  readonly open: (repository: string) => ExternalRepository
  /** Runs work of a stream alone, after the notifications that came before. Rejects with QueueBlockedError. */
  readonly inTurn: <Result>(turn: string, work: () => Promise<Result>) => Promise<Result>
  readonly signal: AbortSignal
  readonly warn: (message: string) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Repositories that are looked at together, and tags of each. */
const REPOSITORIES_IN_FLIGHT = 4
const TAGS_IN_FLIGHT = 8
/** Repositories or tags without an answer between them that say that the registry itself is in trouble. */
const FAILURES_IN_A_ROW = 20

type Settled = 'recorded' | 'removed' | 'same'

/**
 * Compares every tag of the registry with ours. The look itself waits for nobody; what it finds different is asked once
 * more in its stream's turn, so that its answer is newer than every notification that was worked off before, and is
 * recorded only where nobody changed the tag meanwhile. Throws RegistryError when the registry cannot be asked at all.
 */
export async function reconcile(dependencies: ReconcileDependencies): Promise<ReconcileResult> {
  const { tags, signal, warn } = dependencies
  const counts = { repositories: 0, recorded: 0, removed: 0, failed: 0 }
  let over: { readonly why: unknown } | undefined
  let failuresInARow = 0
  function* untilOver<Item>(items: Iterable<Item>): Generator<Item, void> {
    for (const item of items) {
      if (over || signal.aborted) return
      yield item
    }
  }

  const paths = await pathsOf(dependencies)
  await forEachBounded(untilOver(paths), REPOSITORIES_IN_FLIGHT, async (path) => {
    const origin = originOf(path)
    if (!origin) return warn(`${path} cannot be an image stream: what is pushed there is not recorded`)
    counts.repositories++
    await orFailed(() => lookAt(origin))
  })
  signal.throwIfAborted()
  if (over) throw over.why
  return counts

  async function lookAt(origin: Origin): Promise<void> {
    const remote = dependencies.open(origin.repository)
    const names = new Set(await remote.listTags())
    // what a listing leaves out is gone only when the registry says so of the tag itself
    for (const { tag } of tags.fromHere(origin)) names.add(tag)
    await forEachBounded(untilOver(names), TAGS_IN_FLIGHT, (tag) =>
      orFailed(() => compare(origin, remote, tag)),
    )
  }

  async function compare(origin: Origin, remote: ExternalRepository, tag: TagName): Promise<void> {
    const known = tags.find(origin, tag)
    if (isSame(known, await remote.resolve(tag, knownOf(known)))) return
    const settled = await dependencies.inTurn(turnOf(origin.repository), () =>
      settle(dependencies, origin, { remote, tag }),
    )
    if (settled !== 'same') counts[settled]++
  }

  /** What is wrong with one of many is counted; what is wrong with all ends the look, once those under way have ended. */
  async function orFailed(work: () => Promise<void>): Promise<void> {
    try {
      await work()
      failuresInARow = 0
    } catch (why) {
      if (why instanceof RegistryError) failuresInARow++
      if (!isForeseen(why) || failuresInARow > FAILURES_IN_A_ROW) {
        over ??= { why }
        return
      }
      counts.failed++
      warn(why.message)
    }
  }
}

/** The repositories that the registry has, or had. */
async function pathsOf({ catalog, tags, warn }: ReconcileDependencies): Promise<ReadonlySet<string>> {
  const paths = new Set<string>()
  for await (const page of catalog()) for (const path of page) paths.add(path)
  const isEmpty = paths.size === 0
  for await (const path of tags.repositories()) {
    if (isEmpty) {
      // more likely one whose storage is missing
      warn('the registry has no repositories at all: what is recorded of it is left as it is')
      break
    }
    paths.add(path)
  }
  return paths
}

/** Makes the tag mean what the registry says now. */
async function settle(
  { db, inbox, tags, now }: ReconcileDependencies,
  origin: Origin,
  { remote, tag }: { remote: ExternalRepository; tag: TagName },
): Promise<Settled> {
  const { repository } = origin
  // before it is asked: what is pushed while it answers is newer
  const at = now()
  const before = tags.find(origin, tag)
  const digest = await remote.resolve(tag, knownOf(before))
  if (isSame(before, digest)) return 'same'
  const isFromHere = before !== undefined && tags.isFromHere(origin, before)

  if (digest === null) {
    if (!before || !isFromHere || before.isInSpec) return 'same'
    return db.transactTogether(
      (tx): Settled => {
        if (!tags.isStill(origin, tag, before)) return 'same'
        tags.remove(tx, before)
        inbox.saw(tx, { repository, tag, digest, at })
        return 'removed'
      },
      { patient: false },
    )
  }

  // an import or another push came after it: it is no news that the registry still has the older one
  if (before && !isFromHere && tags.everMeant(before, digest)) return 'same'
  using session = remote.begin()
  const image = await remote.fetchImage(session, digest)
  if (!image) return 'same'
  return db.transactTogether(
    (tx): Settled => {
      if (!tags.isStill(origin, tag, before)) return 'same'
      inbox.saw(tx, { repository, tag, digest, at })
      return tags.record(tx, origin, tag, image) ? 'recorded' : 'same'
    },
    { patient: false },
  )
}

const knownOf = (tag: ExternalTag | undefined): Digest | null => tag?.upstreamDigest ?? tag?.digest ?? null

/** A tag that its registry gave and one platform's image was taken of is the same by the index's digest. */
const isSame = (tag: ExternalTag | undefined, digest: Digest | null): boolean =>
  digest === null ? tag === undefined : tag?.digest === digest || tag?.upstreamDigest === digest

const isForeseen = (error: unknown): error is Error =>
  error instanceof RegistryError ||
  error instanceof InvalidManifestError ||
  error instanceof QueueBlockedError ||
  error instanceof ImageGoneError
