import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { KeysetPage } from '../../input/page.ts'
import { parseReference } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Decision } from '../../policy/decide.ts'
import { createImageFetcher } from '../image/fetch-image.ts'
import type { Images } from '../image/images.ts'
import { type ImportRequest, planImport } from '../request/import-plan.ts'
import type { Import, ImportResult, ImportRows, ResultListing } from '../request/import-rows.ts'
import { type ImageStream, isImportable, type SpecTag } from '../spec/spec.ts'
import type { Streams } from '../stream/stream.ts'
import { createPolicyChoices } from '../tag/policy-choice.ts'
import type { TagRecorder } from '../tag/record.ts'
import type { WatchStores } from '../watch/watch-repository.ts'
import { DryRunOutcomes } from './import-dry-run.ts'
import { StoredOutcomes } from './import-outcomes.ts'
import { ImportQueue } from './import-queue.ts'
import { ImportRun, type ImportSubject, type ImportTools } from './import-run.ts'

/** Imports that run at a time; further ones wait their turn: registries take turns, and of each the oldest goes first. */
export const RUNNING_IMPORTS = 100
/** Of these from one registry: more would only wait at its door, and keep those of others from beginning. */
export const RUNNING_OF_REGISTRY = 20
/** Dry runs that are remembered, to be read by their id: what each fetched is in memory. */
export const KEPT_DRY_RUNS = 10
/** Milliseconds between two reports of one import's progress to one follower. */
const REPORT_INTERVAL = 100

export interface ImporterDependencies extends Omit<ImportTools, 'fetcher'>, WatchStores {
  readonly db: Database
  readonly images: Images
  readonly streams: Streams
  readonly recorder: TagRecorder
  readonly rows: ImportRows
  /** Runs in the transaction that ends a stored import. */
  readonly onFinished?: (tx: Transaction, stream: ImageStream, finished: Import) => void
}

/** Runs imports: one at a time for a stream, many streams side by side, none forgotten by a restart. */
export interface Importer extends AsyncDisposable {
  /**
   * Adds an import that begins after the commit. One that waits already and asks for the same is it, and as urgent from
   * then on as the more urgent of them. Returns its id.
   */
  request(tx: Transaction, streamId: number, request: ImportRequest): number
  /** Fetches and reports by a spec that is not stored. Returns the id of an import that is only remembered. */
  dryRun(subject: { stream: ImageStream; specTags: readonly SpecTag[] }, request: ImportRequest): number
  /** Begins again what a crash or a stop left unfinished. */
  resume(): void
  /** Ends what runs or waits for a stream that is being deleted. */
  endOfStream(tx: Transaction, streamId: number): void
  byIds(ids: readonly number[]): Map<number, Import>
  /** A page of each stream's imports, newest first; its keys are [id]. */
  ofStreams(streamIds: readonly number[], page: KeysetPage): Import[]
  countOfStreams(streamIds: readonly number[]): Map<number, number>
  /** Stored imports that run, and that wait. */
  countUnfinished(): { readonly running: number; readonly pending: number }
  /** In order of importance. */
  results(importId: number, listing: ResultListing): ImportResult[]
  countResults(importId: number, state: ResultListing['state']): number
  /** What the rule of a tag chose of a repository in a dry run; undefined while that has not come to it. */
  dryRunDecision(importId: number, tag: TagName): Decision | undefined
  /** The import once it is finished, or as it stands after so many seconds. */
  wait(importId: number, seconds: number): Promise<Import | undefined>
  /** The import as it stands, then again each time it got on, until it is finished. */
  follow(importId: number): AsyncIterableIterator<Import>
}

interface LiveImport {
  readonly streamId: number | null
  readonly run: ImportRun
  readonly outcomes: StoredOutcomes | DryRunOutcomes
  readonly abort: AbortController
}

export function createImporter(dependencies: ImporterDependencies): Importer {
  const { db, rows, streams, images, now, onFinished, onInternalError } = dependencies
  const tools: ImportTools = { ...dependencies, fetcher: createImageFetcher(images) }
  const stores = { ...dependencies, choices: createPolicyChoices(db) }
  // a dry run has no stream to wait for: its own id is its key
  const queue = new ImportQueue<number>({ running: RUNNING_IMPORTS, ofGroup: RUNNING_OF_REGISTRY })
  const live = new Map<number, LiveImport>()
  const watchers = new Map<number, Set<() => void>>()
  const closing = new AbortController()
  // below those of every earlier start: an id never comes to mean another import
  let nextDryRun = -now()

  const current = (id: number): Import | undefined => live.get(id)?.run.snapshot() ?? rows.byIds([id]).get(id)
  const changed = (id: number): void => {
    for (const watcher of watchers.get(id) ?? []) watcher()
  }
  const isFinished = (id: number): boolean =>
    (live.get(id)?.run ?? rows.byIds([id]).get(id))?.finishedAt !== null

  const enter = (subject: ImportSubject, outcomes: LiveImport['outcomes']): LiveImport => {
    const { id, streamId } = subject
    const run = new ImportRun(tools, subject, outcomes, () => changed(id))
    const entered = { streamId, run, outcomes, abort: new AbortController() }
    live.set(id, entered)
    return entered
  }
  const signalOf = ({ abort }: LiveImport): AbortSignal => AbortSignal.any([abort.signal, closing.signal])

  const runStored = async (id: number, streamId: number): Promise<void> => {
    const stream = streams.byIds([streamId]).get(streamId)
    const request = rows.request(id)
    if (!stream || !request || closing.signal.aborted) return
    const entered = enter(
      { id, streamId, namespace: stream.namespace },
      new StoredOutcomes(stores, { id, stream, request }),
    )
    try {
      db.transact((tx) => rows.start(tx, id, now()))
      await entered.run.run(planImport(stream, streams.specTags([streamId]), request), signalOf(entered))
    } catch (error) {
      // a stream that is gone has ended its imports; what a stop interrupts is resumed at the next start
      if (!entered.abort.signal.aborted && !closing.signal.aborted) giveUp(id, stream, error)
    } finally {
      live.delete(id)
      changed(id)
    }
  }

  const giveUp = (id: number, stream: ImageStream, error: unknown): void => {
    onInternalError(error, id)
    const stands = current(id)
    if (!stands) return
    const message = "an internal error, which the server's log explains"
    const failed: Import = { ...stands, state: 'FAILED', finishedAt: now(), reason: 'InternalError', message }
    try {
      db.transact((tx) => {
        rows.finish(tx, failed, { unchangedEvents: [], reindexedEvents: new Map() })
        onFinished?.(tx, stream, failed)
      })
    } catch (again) {
      onInternalError(again, id)
    }
  }

  const enqueue = (id: number, streamId: number): void => {
    const stream = streams.byIds([streamId]).get(streamId)
    const group = stream ? registryOf(stream, () => streams.specTags([streamId])) : ''
    queue.add({ key: streamId, group }, () => runStored(id, streamId))
  }

  /** Resolves when the import got on, at once when it is finished, and otherwise not before the interval is over. */
  const progress = (id: number, signal: AbortSignal, interval: number): Promise<void> =>
    new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined
      const watching = watchers.get(id) ?? new Set()
      const done = (): void => {
        clearTimeout(timer)
        watching.delete(watcher)
        if (watching.size === 0) watchers.delete(id)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const watcher = (): void => {
        if (isFinished(id)) done()
        else if (interval < Number.POSITIVE_INFINITY) timer ??= setTimeout(done, interval)
      }
      watchers.set(id, watching.add(watcher))
      signal.addEventListener('abort', done)
      if (signal.aborted || isFinished(id)) done()
    })

  const dryRunOf = (importId: number): DryRunOutcomes | undefined => {
    const outcomes = live.get(importId)?.outcomes
    return outcomes instanceof DryRunOutcomes ? outcomes : undefined
  }

  const forgetOldDryRuns = (): void => {
    const finished = [...live.keys()].filter((id) => id < 0 && isFinished(id))
    for (const id of finished.slice(0, Math.max(0, finished.length - KEPT_DRY_RUNS))) live.delete(id)
  }

  async function* report(id: number, ends: AbortSignal): AsyncGenerator<Import, void, undefined> {
    for (let found = current(id); found && !ends.aborted; found = current(id)) {
      // from before it is told: what happens while a slow reader has it is told next
      const gotOn = progress(id, ends, REPORT_INTERVAL)
      yield found
      if (found.finishedAt !== null) return
      await gotOn
    }
  }

  return {
    request(tx, streamId, request) {
      const { id, isNew } = rows.add(tx, streamId, request)
      if (isNew) tx.afterCommit(() => enqueue(id, streamId))
      return id
    },

    dryRun({ stream, specTags }, request) {
      forgetOldDryRuns()
      const id = nextDryRun--
      const streamId = stream.id > 0 ? stream.id : null
      const entered = enter(
        { id, streamId, namespace: stream.namespace },
        new DryRunOutcomes(dependencies, stream),
      )
      const group = registryOf(stream, () => specTags)
      queue.add({ key: id, group }, () =>
        entered.run.run(planImport(stream, specTags, request), signalOf(entered)).catch((error: unknown) => {
          live.delete(id)
          changed(id)
          if (!closing.signal.aborted) onInternalError(error, id)
        }),
      )
      return id
    },

    resume() {
      for (const { id, streamId } of rows.unfinished()) enqueue(id, streamId)
    },

    endOfStream(tx, streamId) {
      const ended = rows.endOfStream(tx, streamId, now())
      tx.afterCommit(() => {
        for (const id of ended) {
          live.get(id)?.abort.abort()
          live.delete(id)
          changed(id)
        }
      })
    },

    byIds: (ids) =>
      new Map(
        ids.flatMap((id) => {
          const found = current(id)
          return found ? [[id, found] as const] : []
        }),
      ),
    ofStreams: (streamIds, page) =>
      rows.ofStreams(streamIds, page).map((stored) => live.get(stored.id)?.run.snapshot() ?? stored),
    countOfStreams: rows.countOfStreams,
    countUnfinished: rows.countUnfinished,

    results(importId, listing) {
      const outcomes = live.get(importId)?.outcomes
      if (outcomes instanceof DryRunOutcomes) return outcomes.page(listing)
      return rows.results(importId, listing, outcomes)
    },
    countResults(importId, state) {
      const dryRun = dryRunOf(importId)
      if (dryRun) return dryRun.results.filter((result) => !state || result.state === state).length
      const found = current(importId)
      if (!found) return 0
      const counts = { IMPORTED: found.imported, UNCHANGED: found.unchanged, FAILED: found.failed }
      return state ? counts[state] : counts.IMPORTED + counts.UNCHANGED + counts.FAILED
    },

    dryRunDecision: (importId, tag) => dryRunOf(importId)?.decisions.get(tag),

    async wait(importId, seconds) {
      const timeout = AbortSignal.any([closing.signal, AbortSignal.timeout(seconds * 1000)])
      if (seconds > 0) await progress(importId, timeout, Number.POSITIVE_INFINITY)
      return current(importId)
    },

    follow(importId) {
      const left = new AbortController()
      const reports = report(importId, AbortSignal.any([closing.signal, left.signal]))
      return {
        [Symbol.asyncIterator]() {
          return this
        },
        next: () => reports.next(),
        // a generator that waits would hear of its end only when it goes on
        return() {
          left.abort()
          return reports.return()
        },
      }
    },

    async [Symbol.asyncDispose]() {
      closing.abort(new Error('the server is stopping'))
      await queue.stop()
    },
  }
}

/** The registry that an import of the stream asks, or the first of several; empty for none. */
function registryOf({ dockerImageRepository }: ImageStream, specTags: () => readonly SpecTag[]): string {
  const name = dockerImageRepository ?? specTags().find(isImportable)?.fromName
  return name ? parseReference(name).registry : ''
}
