import type { Import, ImportState, TagFailure } from '../request/import-state.ts'
import type { TagOutcome } from './import-outcomes.ts'

/** State and counts of one running import. */
export class ImportTally {
  readonly #import: Pick<Import, 'id' | 'streamId'>
  readonly #counts: Record<TagOutcome['state'], number> = { IMPORTED: 0, UNCHANGED: 0, FAILED: 0 }
  #state: ImportState = 'PENDING'
  #startedAt: number | null = null
  #finishedAt: number | null = null
  #total: number | null = null
  #additionalTags: Import['additionalTags'] = []
  #wholeFailure: TagFailure | null = null
  #firstFailure: TagFailure | null = null

  constructor({ id, streamId }: Pick<Import, 'id' | 'streamId'>) {
    this.#import = { id, streamId }
  }

  /** `imported`: tags that the import has imported before a restart. */
  start(at: number, imported: number): void {
    this.#state = 'RUNNING'
    this.#startedAt = at
    this.#counts.IMPORTED = imported
  }

  /** Sets the number of tags, and counts those whose result needs no request. */
  expect(
    total: number,
    selection: {
      readonly additionalTags: Import['additionalTags']
      readonly unchangedEvents: readonly number[]
      readonly stillFailing: readonly TagFailure[]
    },
  ): void {
    const { additionalTags, unchangedEvents, stillFailing } = selection
    this.#total = total
    this.#additionalTags = additionalTags
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

  finish(at: number): void {
    const { IMPORTED, UNCHANGED, FAILED } = this.#counts
    this.#finishedAt = at
    if (FAILED === 0 && !this.#wholeFailure) this.#state = 'SUCCEEDED'
    else this.#state = IMPORTED + UNCHANGED > 0 ? 'PARTIALLY_SUCCEEDED' : 'FAILED'
  }

  get finishedAt(): number | null {
    return this.#finishedAt
  }

  /** Returns the current state. */
  snapshot(): Import {
    const failure = this.#wholeFailure ?? (this.#state === 'FAILED' ? this.#firstFailure : null)
    return {
      ...this.#import,
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
}
