import { InvalidManifestError } from '../oci/manifest.ts'
import { formatReference, formatRepository } from '../oci/reference.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { TagName } from '../oci/tag.ts'
import type { ImageFetcher } from './fetch-image.ts'
import { ImageGoneError } from './image.ts'
import type { ImportOutcomes, Outcome } from './import-outcomes.ts'
import type { ImportPlan, ImportTarget, Listing } from './import-plan.ts'
import type { Failure, Import, ImportState } from './import-rows.ts'
import type { RemoteRegistry, RemoteRepository } from './remote-registry.ts'
import type { Tags } from './tag.ts'

/** Tags of one import that are worked on at a time; how many requests a registry gets at a time is the adapter's. */
export const TAGS_IN_FLIGHT = 96

/** Attempts at an image that is pruned while it is imported: each takes a whole run of the pruner to fail. */
const MAXIMUM_ATTEMPTS = 3

export interface ImportTools {
  readonly remote: RemoteRegistry
  readonly fetcher: ImageFetcher
  readonly tags: Tags
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Tags that one repository import takes at most; the rest become `additionalTags`. Null takes all. */
  readonly maximumTags: number | null
  /** Told of an error that is nobody's fault but ours. */
  readonly onInternalError: (error: unknown, importId: number) => void
}

export interface ImportSubject {
  readonly id: number
  /** Null in a dry run of a stream that is not there. */
  readonly streamId: number | null
}

/** One import at work, from the plan to its end. */
export class ImportRun {
  readonly #tools: ImportTools
  readonly #subject: ImportSubject
  readonly #outcomes: ImportOutcomes
  readonly #onProgress: () => void
  #state: ImportState = 'PENDING'
  #startedAt: number | null = null
  #finishedAt: number | null = null
  #total: number | null = null
  readonly #counts: Record<Outcome['state'], number> = { IMPORTED: 0, UNCHANGED: 0, FAILED: 0 }
  #additionalTags: readonly TagName[] = []
  #listingFailure: Failure | null = null
  #firstFailure: Failure | null = null

  constructor(tools: ImportTools, subject: ImportSubject, outcomes: ImportOutcomes, onProgress: () => void) {
    this.#tools = tools
    this.#subject = subject
    this.#outcomes = outcomes
    this.#onProgress = onProgress
  }

  /** Resolves when every tag has its outcome. Rejects only with the signal's reason, or when nothing can be stored. */
  async run(plan: ImportPlan, signal: AbortSignal): Promise<void> {
    const { alreadyImported } = this.#outcomes
    this.#state = 'RUNNING'
    this.#startedAt = this.#tools.now()
    this.#counts.IMPORTED = alreadyImported.size
    this.#onProgress()
    const open = this.#repositories(signal)
    const listed = plan.listing ? await this.#list(plan.listing, open, signal) : []
    // what was brought in before a restart counts, also where it is no longer listed
    const gone = new Set(alreadyImported)
    for (const { tag } of plan.targets) gone.delete(tag)
    for (const tag of listed) gone.delete(tag)
    this.#total = plan.targets.length + listed.length + gone.size
    this.#onProgress()
    const targets = targetsOf(plan, listed, alreadyImported)
    await eachInFlight(targets, TAGS_IN_FLIGHT, (target) => this.#importTag(target, open(target), signal))
    // ended while the last tag was being recorded: by then somebody else has said how
    signal.throwIfAborted()
    this.#finishedAt = this.#tools.now()
    this.#state = this.#finalState()
    this.#outcomes.finish(this.snapshot())
    this.#onProgress()
  }

  get finishedAt(): number | null {
    return this.#finishedAt
  }

  /** How it stands now. */
  snapshot(): Import {
    const failure = this.#listingFailure ?? (this.#state === 'FAILED' ? this.#firstFailure : null)
    return {
      ...this.#subject,
      state: this.#state,
      startedAt: this.#startedAt,
      finishedAt: this.#finishedAt,
      total: this.#total,
      imported: this.#counts.IMPORTED,
      unchanged: this.#counts.UNCHANGED,
      failed: this.#counts.FAILED,
      additionalTags: this.#additionalTags,
      reason: failure?.reason ?? null,
      message: failure?.message ?? null,
    }
  }

  #finalState(): ImportState {
    const { IMPORTED, UNCHANGED, FAILED } = this.#counts
    if (FAILED === 0 && !this.#listingFailure) return 'SUCCEEDED'
    return IMPORTED + UNCHANGED > 0 ? 'PARTIALLY_SUCCEEDED' : 'FAILED'
  }

  #repositories(signal: AbortSignal): (of: Pick<ImportTarget, 'reference' | 'insecure'>) => RemoteRepository {
    const opened = new Map<string, RemoteRepository>()
    return ({ reference, insecure }) => {
      const key = `${formatRepository(reference)} ${insecure}`
      let repository = opened.get(key)
      if (!repository) {
        const lane = String(this.#subject.id)
        repository = this.#tools.remote.repository(reference, { insecure, lane, signal })
        opened.set(key, repository)
      }
      return repository
    }
  }

  async #list(
    listing: Listing,
    open: (of: Listing) => RemoteRepository,
    signal: AbortSignal,
  ): Promise<readonly TagName[]> {
    try {
      const names: TagName[] = []
      for await (const page of open(listing).listTags()) names.push(...page)
      const wanted = listing.wantedOf(names)
      this.#additionalTags = wanted.splice(this.#tools.maximumTags ?? wanted.length)
      return wanted
    } catch (error) {
      signal.throwIfAborted()
      this.#listingFailure = this.#explain(error, formatRepository(listing.reference))
      return []
    }
  }

  async #importTag(target: ImportTarget, repository: RemoteRepository, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    let outcome: Outcome
    try {
      outcome = await this.#bringIn(target, repository)
    } catch (error) {
      signal.throwIfAborted()
      const failure = this.#explain(error, pullSpecOf(target))
      await this.#outcomes.failed(target, failure)
      outcome = { state: 'FAILED', ...failure }
    }
    this.#counts[outcome.state]++
    if (outcome.state === 'FAILED') this.#firstFailure ??= outcome
    this.#onProgress()
  }

  async #bringIn(target: ImportTarget, repository: RemoteRepository): Promise<Outcome> {
    const { tags, fetcher } = this.#tools
    const { streamId } = this.#subject
    const known = streamId === null ? undefined : tags.imported(streamId, target.tag)
    const resolved =
      'digest' in target.upstream
        ? target.upstream
        : await repository.resolveTag(target.upstream.tag, known?.upstreamDigest ?? null)
    const isSame = known?.upstreamDigest === resolved.digest && known.generation === target.generation
    if (known && isSame && !known.failing && !target.modeAsked) {
      this.#outcomes.unchanged(target, known.eventId)
      return { state: 'UNCHANGED' }
    }
    for (let attempt = 1; ; attempt++) {
      // held until the outcome is stored: who wants the same content meanwhile gets it from here
      using session = fetcher.begin(repository)
      const found = await session.tagImage(resolved, target.importMode, target.platform)
      try {
        return await this.#outcomes.found(target, found, resolved.digest)
      } catch (error) {
        // what was stored when it was looked for has been pruned meanwhile: now it is fetched
        if (!(error instanceof ImageGoneError) || attempt === MAXIMUM_ATTEMPTS) throw error
      }
    }
  }

  #explain(error: unknown, where: string): Failure {
    if (error instanceof RegistryError) return { reason: error.reason, message: error.message }
    if (error instanceof InvalidManifestError) {
      return { reason: 'InvalidManifest', message: `${where}: the manifest cannot be used: ${error.message}` }
    }
    this.#tools.onInternalError(error, this.#subject.id)
    return {
      reason: 'InternalError',
      message: `${where}: an internal error, which the server's log explains`,
    }
  }
}

const pullSpecOf = ({ reference, upstream }: ImportTarget): string =>
  formatReference({ ...reference, tag: null, digest: null, ...upstream })

// Made as they are worked on: of a listing of a million tags only the names are held.
function* targetsOf(
  { targets, listing }: ImportPlan,
  listed: readonly TagName[],
  done: ReadonlySet<TagName>,
): Generator<ImportTarget, void> {
  for (const target of targets) if (!done.has(target.tag)) yield target
  if (listing) for (const tag of listed) if (!done.has(tag)) yield listing.targetOf(tag)
}

/** Works on so many items at a time, in order; takes no new ones after the first rejection. */
export async function eachInFlight<Item>(
  items: Generator<Item, void>,
  inFlight: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  // all workers take from the same generator; the loop that an error leaves closes it for all of them
  const worker = async (): Promise<void> => {
    for (const item of items) await work(item)
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
}
