import { forEachBounded } from '../../concurrency/bounded.ts'
import { formatRepository } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImportPlan, ImportTarget, RepositoryImport } from '../stored-import/import-plan.ts'
import type { Import, TagFailure } from '../stored-import/import-state.ts'
import { RegistryReader } from '../watch/registry-reader.ts'
import type { RepositoryCheck } from '../watch/repository-check.ts'
import { NO_TAGS, type TagSelection } from '../watch/tag-selection.ts'
import type { ImportContext, ImportOutcomes } from './import-context.ts'
import { failureOf, TagImporter } from './import-tag.ts'
import { ImportTally } from './import-tally.ts'
import { RepositoryOutcome } from './repository-outcome.ts'

/** Tags of one import that are imported at a time. The adapter limits the concurrent requests to a registry. */
export const TAGS_IN_FLIGHT = 96

/** Milliseconds after which an import starts no further tag, so that other imports can run. */
export const LONGEST_IMPORT = 6 * 60 * 60 * 1000

export interface ImportRunOptions {
  readonly subject: {
    readonly id: number
    /** Null in a dry run of a stream that does not exist. */
    readonly streamId: number | null
    /** Namespace whose credentials are used. */
    readonly namespace: string
  }
  readonly outcomes: ImportOutcomes
  readonly checkOf: (repository: RepositoryImport) => RepositoryCheck
  /** Called after each change of the state. */
  readonly onProgress: () => void
}

/** One running import, from the plan to its end. */
export class ImportRun {
  readonly #context: ImportContext
  readonly #options: ImportRunOptions
  readonly #tally: ImportTally
  readonly #onInternalError: (error: unknown) => void
  #check: RepositoryCheck | undefined

  constructor(context: ImportContext, options: ImportRunOptions) {
    const { subject } = options
    this.#context = context
    this.#options = options
    this.#tally = new ImportTally(subject)
    this.#onInternalError = (error) => context.onInternalError(error, subject.id)
  }

  /** Resolves when every tag has its outcome. Rejects only with the signal's reason, or when nothing can be stored. */
  async run(plan: ImportPlan, signal: AbortSignal): Promise<void> {
    const { remote, tags, fetcher, choices, now } = this.#context
    const { subject, outcomes, onProgress } = this.#options
    const startedAt = now()
    this.#tally.start(startedAt, outcomes.alreadyImported.size)
    onProgress()
    const { namespace, streamId } = subject
    const urgency = plan.urgency && { urgency: plan.urgency }
    const reader = new RegistryReader(remote, { lane: String(subject.id), namespace, ...urgency, signal })
    const selection = plan.repository ? await this.#select(plan.repository, reader, signal) : NO_TAGS
    this.#tally.expect(totalOf(plan, selection, outcomes.alreadyImported), selection)
    const repository = plan.repository && new RepositoryOutcome(plan.repository)
    repository?.addSelected(selection, importedOf(plan, outcomes.alreadyImported))
    onProgress()
    const importer = new TagImporter({
      streamId,
      tags,
      fetcher,
      reader,
      outcomes,
      isMissingAgain: (target) => outcomes.isMissingAgain(target),
      held: (tag) => (streamId === null ? null : choices.held(streamId, tag)),
      onInternalError: this.#onInternalError,
    })
    let isComplete = true
    const inTime = function* (): Generator<ImportTarget, void> {
      for (const target of targetsOf(plan, selection, outcomes.alreadyImported)) {
        isComplete = now() <= startedAt + LONGEST_IMPORT
        if (!isComplete) return
        yield target
      }
    }
    await forEachBounded(inTime(), TAGS_IN_FLIGHT, async (target) => {
      const outcome = await importer.import(target, signal)
      this.#tally.add(outcome)
      if (!target.specTag) repository?.add(target, outcome)
      onProgress()
    })
    if (!isComplete) this.#tally.failWhole(tookTooLong(plan))
    // aborted while the last tag was recorded: the state was stored with the abort
    signal.throwIfAborted()
    this.#tally.finish(now())
    outcomes.finish(this.snapshot(), {
      repositoryFailure: this.#tally.wholeFailure ?? (repository ? repository.failure : undefined),
      finishCheck: (tx) => this.#check?.finish(tx, isComplete),
    })
    onProgress()
  }

  get finishedAt(): number | null {
    return this.#tally.finishedAt
  }

  /** Returns the current state. */
  snapshot(): Import {
    return this.#tally.snapshot()
  }

  async #select(
    repository: RepositoryImport,
    reader: RegistryReader,
    signal: AbortSignal,
  ): Promise<TagSelection> {
    const { checkOf, outcomes } = this.#options
    try {
      this.#check = checkOf(repository)
      const selection = await this.#check.select({ repository, reader, signal })
      outcomes.selected(selection)
      return selection
    } catch (error) {
      signal.throwIfAborted()
      const subject = formatRepository(repository.reference)
      this.#tally.failWhole(failureOf(error, { subject, onInternalError: this.#onInternalError }))
      return NO_TAGS
    }
  }
}

/** Returns the number of tags with a result. */
function totalOf(plan: ImportPlan, selection: TagSelection, done: ReadonlySet<TagName>): number {
  const { wanted, unlisted, unchangedEvents, stillFailing } = selection
  // a tag that was imported before a restart counts, even if it is no longer listed
  const gone = new Set(done)
  for (const { tag } of plan.targets) gone.delete(tag)
  for (const tag of wanted) gone.delete(tag)
  return (
    plan.targets.length +
    wanted.length +
    unlisted.length +
    unchangedEvents.length +
    stillFailing.length +
    gone.size
  )
}

/** Returns the number of tags of the repository that were imported before a restart. */
function importedOf({ targets }: ImportPlan, done: ReadonlySet<TagName>): number {
  return done.size - targets.filter(({ tag }) => done.has(tag)).length
}

/** Creates the targets one by one: for a list of a million tags only the names are kept in memory. */
function* targetsOf(
  { targets, repository }: ImportPlan,
  { wanted, unlisted }: TagSelection,
  done: ReadonlySet<TagName>,
): Generator<ImportTarget, void> {
  for (const target of targets) if (!done.has(target.tag)) yield target
  if (!repository) return
  for (const tag of wanted) if (!done.has(tag)) yield repository.targetOf(tag)
  for (const tag of unlisted) yield { ...repository.targetOf(tag), isUnlisted: true }
}

function tookTooLong({ repository }: ImportPlan): TagFailure {
  const subject = repository ? `${formatRepository(repository.reference)}: ` : ''
  const hours = LONGEST_IMPORT / 3_600_000
  return {
    reason: 'RegistryUnavailable',
    message: `${subject}the import exceeded ${hours} hours: the remaining tags are unchanged`,
  }
}
