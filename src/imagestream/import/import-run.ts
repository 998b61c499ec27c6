import { forEachBounded } from '../../concurrency/bounded.ts'
import { InvalidManifestError } from '../../oci/manifest.ts'
import { isIndexType } from '../../oci/media-types.ts'
import { formatReference, formatRepository } from '../../oci/reference.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { TagName } from '../../oci/tag.ts'
import { type ImageFetcher, type ImportMode, withTagImage } from '../image/fetch-image.ts'
import type { RemoteRegistry, ResolvedTag } from '../image/remote-registry.ts'
import type { ImportPlan, ImportTarget, Listing } from '../request/import-plan.ts'
import type { Failure, Import, ImportState } from '../request/import-rows.ts'
import { RegistryAnswers } from '../request/registry-answers.ts'
import type { ImportedTag, Tags } from '../tag/tag.ts'
import { type Look, NOTHING_SEEN } from '../watch/look.ts'
import { NoChoiceError, nothingChosen, TagChooser } from './choose-tag.ts'
import type { ImportOutcomes, Outcome } from './import-outcomes.ts'

/** Tags of one import that are worked on at a time; how many requests a registry gets at a time is the adapter's. */
export const TAGS_IN_FLIGHT = 96

/** Milliseconds after which an import comes to no more tags: its place among those that run is for others again. */
export const LONGEST_IMPORT = 6 * 60 * 60 * 1000

export interface ImportTools {
  readonly remote: RemoteRegistry
  readonly fetcher: ImageFetcher
  readonly tags: Tags
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Told of an error that is nobody's fault but ours. */
  readonly onInternalError: (error: unknown, importId: number) => void
}

export interface ImportSubject {
  readonly id: number
  /** Null in a dry run of a stream that is not there. */
  readonly streamId: number | null
  /** By whose credentials registries are read. */
  readonly namespace: string
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
  #wholeFailure: Failure | null = null
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
    const { id, namespace } = this.#subject
    const { urgency } = plan
    const asking = { lane: String(id), namespace, ...(urgency && { urgency }), signal }
    const answers = new RegistryAnswers(this.#tools.remote, asking)
    const chooser = new TagChooser({
      answers,
      fetcher: this.#tools.fetcher,
      keep: (target, found) => this.#outcomes.lookedAt(target, found),
    })
    const look = plan.listing ? await this.#look(plan.listing, answers, signal) : NOTHING_SEEN
    const { wanted, unlisted, unchangedEvents, stillFailing } = look
    // what was brought in before a restart counts, also where it is no longer listed
    const gone = new Set(alreadyImported)
    for (const { tag } of plan.targets) gone.delete(tag)
    for (const tag of wanted) gone.delete(tag)
    this.#total =
      plan.targets.length +
      wanted.length +
      unlisted.length +
      unchangedEvents.length +
      stillFailing.length +
      gone.size
    this.#counts.UNCHANGED += unchangedEvents.length
    this.#counts.FAILED += stillFailing.length
    this.#firstFailure = stillFailing[0] ?? null
    this.#onProgress()
    const deadline = this.#startedAt + LONGEST_IMPORT
    const targets = within(targetsOf(plan, look, alreadyImported), () => this.#tools.now() <= deadline)
    await forEachBounded(targets.items, TAGS_IN_FLIGHT, (target) =>
      this.#importTag(target, { answers, chooser, signal }),
    )
    const isWhole = !targets.isCutShort
    if (!isWhole) this.#wholeFailure ??= tookTooLong(plan)
    // ended while the last tag was being recorded: by then somebody else has said how
    signal.throwIfAborted()
    this.#finishedAt = this.#tools.now()
    this.#state = this.#finalState()
    this.#outcomes.finish(this.snapshot(), isWhole)
    this.#onProgress()
  }

  get finishedAt(): number | null {
    return this.#finishedAt
  }

  /** How it stands now. */
  snapshot(): Import {
    const failure = this.#wholeFailure ?? (this.#state === 'FAILED' ? this.#firstFailure : null)
    const { id, streamId } = this.#subject
    return {
      id,
      streamId,
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
    if (FAILED === 0 && !this.#wholeFailure) return 'SUCCEEDED'
    return IMPORTED + UNCHANGED > 0 ? 'PARTIALLY_SUCCEEDED' : 'FAILED'
  }

  async #look(listing: Listing, answers: RegistryAnswers, signal: AbortSignal): Promise<Look> {
    try {
      const look = await this.#outcomes.look(listing, answers, signal)
      this.#additionalTags = look.additionalTags
      return look
    } catch (error) {
      signal.throwIfAborted()
      this.#wholeFailure = this.#explain(error, formatRepository(listing.reference))
      return NOTHING_SEEN
    }
  }

  async #importTag(wanted: ImportTarget, { answers, chooser, signal }: Asking): Promise<void> {
    signal.throwIfAborted()
    let target = wanted
    let outcome: Outcome
    try {
      target = await chooser.choose(wanted)
      outcome = await this.#bringIn(target, answers)
    } catch (error) {
      signal.throwIfAborted()
      const failure = await this.#outcomes.failed(target, this.#explain(error, pullSpecOf(target)))
      outcome = { state: 'FAILED', ...failure }
    }
    this.#counts[outcome.state]++
    if (outcome.state === 'FAILED') this.#firstFailure ??= outcome
    this.#onProgress()
  }

  async #bringIn(target: ImportTarget, answers: RegistryAnswers): Promise<Outcome> {
    const { tags, fetcher } = this.#tools
    const { streamId } = this.#subject
    const known = streamId === null ? undefined : tags.imported(streamId, target.tag)
    const resolved = await resolve(target, known?.upstreamDigest ?? null, answers)
    const isSame = known?.upstreamDigest === resolved.digest && known.generation === target.generation
    if (known && isSame && !known.failing && isOfMode(known, target.importMode)) {
      this.#outcomes.unchanged(target, known.eventId)
      return { state: 'UNCHANGED' }
    }
    const { importMode, platform } = target
    const repository = answers.repository(target)
    return withTagImage(fetcher, { repository, resolved, importMode, platform }, (found) =>
      this.#outcomes.found(target, found, resolved.digest),
    )
  }

  #explain(error: unknown, where: string): Failure {
    if (error instanceof RegistryError) return { reason: error.reason, message: error.message }
    if (error instanceof NoChoiceError) return { reason: error.reason, message: error.message }
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

// a mode that was said for one import alone is in no generation
const isOfMode = ({ digest, mediaType, upstreamDigest }: ImportedTag, mode: ImportMode): boolean =>
  mode === 'Legacy' ? !isIndexType(mediaType) : digest === upstreamDigest

/** What the work on one tag asks with. */
interface Asking {
  readonly answers: RegistryAnswers
  readonly chooser: TagChooser
  readonly signal: AbortSignal
}

async function resolve(
  target: ImportTarget,
  known: ResolvedTag['digest'] | null,
  answers: RegistryAnswers,
): Promise<ResolvedTag> {
  const { upstream, decision } = target
  if ('digest' in upstream) return upstream
  if ('tag' in upstream) {
    return answers.resolveTag(target, upstream.tag, { known, keep: decision !== undefined })
  }
  if (!decision) throw new Error(`the rule of the tag ${target.tag} was not applied`)
  throw new NoChoiceError('NotFound', nothingChosen(target, decision))
}

const pullSpecOf = ({ reference, upstream }: ImportTarget): string =>
  'policy' in upstream
    ? formatRepository(reference)
    : formatReference({ ...reference, tag: null, digest: null, ...upstream })

// Made as they are worked on: of a listing of a million tags only the names are held.
function* targetsOf(
  { targets, listing }: ImportPlan,
  { wanted, unlisted }: Look,
  done: ReadonlySet<TagName>,
): Generator<ImportTarget, void> {
  for (const target of targets) if (!done.has(target.tag)) yield target
  if (!listing) return
  for (const tag of wanted) if (!done.has(tag)) yield listing.targetOf(tag)
  for (const tag of unlisted) yield { ...listing.targetOf(tag), isUnlisted: true }
}

/** The items for as long as there is time. */
function within<Item>(
  items: Iterable<Item>,
  isTime: () => boolean,
): { readonly items: Generator<Item, void>; readonly isCutShort: boolean } {
  let isCutShort = false
  function* each(): Generator<Item, void> {
    for (const item of items) {
      isCutShort = !isTime()
      if (isCutShort) return
      yield item
    }
  }
  return {
    items: each(),
    get isCutShort() {
      return isCutShort
    },
  }
}

const tookTooLong = ({ listing }: ImportPlan): Failure => ({
  reason: 'RegistryUnavailable',
  message: `${listing ? formatRepository(listing.reference) : 'the import'} took more than ${LONGEST_IMPORT / 3_600_000} hours: the tags that were not come to are as they were`,
})
