import { type OnePass, onePass, type ReportedList } from '../kept/one-pass.ts'
import {
  type KeptImage,
  type PrunedEvent,
  type PrunedImage,
  PruneReport,
  type PruneTotals,
} from './report.ts'

/**
 * What a prune would remove now, and what it would keep. Nothing is read until it is requested. What is requested in one
 * turn of the event loop is read in one pass, which reads no more than that needs.
 */
export class PrunePlan {
  readonly #read: OnePass<PruneReport>
  /** Entries of histories that would be removed, by tag id and id. */
  readonly events: ReportedList<PrunedEvent>
  /** Images that would be removed, by id. */
  readonly images: ReportedList<PrunedImage>
  /** Images that would be kept, by id. */
  readonly kept: ReportedList<KeptImage>

  /** `pass` fills what was requested of the report. */
  constructor(pass: (report: PruneReport) => Promise<void>) {
    this.#read = onePass(() => new PruneReport(), pass)
    this.events = this.#read.list(({ events }) => events)
    this.images = this.#read.list(({ images }) => images)
    this.kept = this.#read.list(({ kept }) => kept)
  }

  async totals(): Promise<PruneTotals> {
    const report = await this.#read.request((requested) => requested.requestTotals())
    return report.totals()
  }
}
