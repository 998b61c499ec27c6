import type { Import, TagFailure } from '../stored-import/import-state.ts'
import type { TagSelection } from '../watch/tag-selection.ts'
import type { TagOutcome } from './import-context.ts'

/** State and counts of one running import. */
export class ImportTally {
  readonly #counts: Record<TagOutcome['state'], number> = { IMPORTED: 0, UNCHANGED: 0, FAILED: 0 }
  /** The counts, reason and message are in the other fields. */
  #import: Import
  #wholeFailure: TagFailure | null = null
  #firstFailure: TagFailure | null = null

  constructor({ id, streamId }: Pick<Import, 'id' | 'streamId'>) {
    this.#import = {
      id,
      streamId,
      state: 'PENDING',
      startedAt: null,
      finishedAt: null,
      total: null,
      imported: 0,
      unchanged: 0,
      failed: 0,
      additionalTags: [],
      reason: null,
      message: null,
    }
  }

  /** `imported`: tags that the import has imported before a restart. */
  start(at: number, imported: number): void {
    this.#import = { ...this.#import, state: 'RUNNING', startedAt: at }
    this.#counts.IMPORTED = imported
  }

  /** Sets the number of tags, and counts those whose result needs no request. */
  expect(total: number, { additionalTags, unchangedEvents, stillFailing }: TagSelection): void {
    this.#import = { ...this.#import, total, additionalTags }
    this.#counts.UNCHANGED += unchangedEvents.length
    this.#counts.FAILED += stillFailing.length
    this.#firstFailure = stillFailing[0] ?? null
  }

  add(outcome: TagOutcome): void {
    this.#counts[outcome.state]++
    if (outcome.state === 'FAILED') this.#firstFailure ??= outcome
  }

  /** Records why the import failed as a whole; the first failure counts. */
  failWhole(failure: TagFailure): void {
    this.#wholeFailure ??= failure
  }

  /** Why the import failed as a whole; null unless it did. */
  get wholeFailure(): TagFailure | null {
    return this.#wholeFailure
  }

  finish(at: number): void {
    const { IMPORTED, UNCHANGED, FAILED } = this.#counts
    const failed = IMPORTED + UNCHANGED > 0 ? 'PARTIALLY_SUCCEEDED' : 'FAILED'
    const state = FAILED === 0 && !this.#wholeFailure ? 'SUCCEEDED' : failed
    this.#import = { ...this.#import, state, finishedAt: at }
  }

  get finishedAt(): number | null {
    return this.#import.finishedAt
  }

  /** Returns the current state. */
  snapshot(): Import {
    const { IMPORTED: imported, UNCHANGED: unchanged, FAILED: failed } = this.#counts
    const failure = this.#wholeFailure ?? (this.#import.state === 'FAILED' ? this.#firstFailure : null)
    const { reason = null, message = null } = failure ?? {}
    return { ...this.#import, imported, unchanged, failed, reason, message }
  }
}
