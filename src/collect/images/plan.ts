import type { KeysetPage } from '../../input/page.ts'
import { type OnePass, onePass } from '../kept/one-pass.ts'
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

  /** `pass` fills what was requested of the report. */
  constructor(pass: (report: PruneReport) => Promise<void>) {
    this.#read = onePass(() => new PruneReport(), pass)
  }

  /** Returns a page of the entries of histories that would be removed, by tag id and id. */
  events(page: KeysetPage): Promise<PrunedEvent[]> {
    return this.#read.page(({ events }) => events.page(page))
  }

  eventCount(): Promise<number> {
    return this.#read.count(({ events }) => events)
  }

  /** Returns a page of the images that would be removed, by id. */
  images(page: KeysetPage): Promise<PrunedImage[]> {
    return this.#read.page(({ images }) => images.page(page))
  }

  imageCount(): Promise<number> {
    return this.#read.count(({ images }) => images)
  }

  /** Returns a page of the images that would be kept, by id. */
  kept(page: KeysetPage): Promise<KeptImage[]> {
    return this.#read.page(({ kept }) => kept.page(page))
  }

  keptCount(): Promise<number> {
    return this.#read.count(({ kept }) => kept)
  }

  async totals(): Promise<PruneTotals> {
    const report = await this.#read.request((requested) => requested.requestTotals())
    return report.totals()
  }
}
