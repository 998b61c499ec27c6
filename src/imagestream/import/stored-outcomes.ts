import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import { pullSpecByDigest } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { FetchedTagImage } from '../image/fetch-image.ts'
import { isStored } from '../image/image.ts'
import type { ImportTarget } from '../request/import-plan.ts'
import type { Import, TagFailure, UnchangedTags } from '../request/import-state.ts'
import type { ImageStream } from '../spec/spec.ts'
import { recordAbsence } from '../watch/absent-tag.ts'
import type { TagSelection } from '../watch/tag-selection.ts'
import { type ImportOutcomes, reindexedBy, type TagOutcome } from './import-outcomes.ts'
import { type OutcomeStores, TargetRecorder } from './record-target.ts'

/** Stores each tag with its image, event, condition and push in one transaction. */
export class StoredOutcomes implements ImportOutcomes, UnchangedTags {
  readonly alreadyImported: ReadonlySet<TagName>
  /** Events of the unchanged tags, which are their results until the import is finished. */
  readonly unchangedEvents: number[] = []
  readonly reindexedEvents = new Map<number, string | null>()
  readonly #stores: OutcomeStores
  readonly #importId: number
  readonly #stream: ImageStream
  readonly #recorder: TargetRecorder
  /** Unchanged tags whose rule was applied. */
  readonly #unchangedChoices: ImportTarget[] = []

  constructor(stores: OutcomeStores, { id, stream }: { id: number; stream: ImageStream }) {
    this.#stores = stores
    this.#importId = id
    this.#stream = stream
    this.#recorder = new TargetRecorder(stores, { id, stream })
    this.alreadyImported = new Set(stores.rows.importedTags(id))
  }

  selected({ unchangedEvents, stillFailing }: TagSelection): void {
    const { db, rows } = this.#stores
    for (const event of unchangedEvents) this.unchangedEvents.push(event)
    if (stillFailing.length === 0) return
    db.transact((tx) => {
      for (const failure of stillFailing) rows.saveFailure(tx, this.#importId, failure.name, failure)
    })
  }

  unchanged(target: ImportTarget, tagEventId: number): void {
    this.unchangedEvents.push(tagEventId)
    if (target.decision) this.#unchangedChoices.push(target)
  }

  async found(target: ImportTarget, found: FetchedTagImage, upstreamDigest: Digest): Promise<TagOutcome> {
    const { images, rows } = this.#stores
    const recorded = await this.#commitTogether((tx) => {
      if (this.#recorder.isStillWanted(target))
        return this.#recorder.record(tx, target, { ...found, upstreamDigest })
      rows.saveFailure(tx, this.#importId, target.tag, SUPERSEDED)
      return undefined
    })
    if (!recorded) return { state: 'FAILED', ...SUPERSEDED }
    if (recorded.pushed) return { state: 'IMPORTED' }
    this.unchangedEvents.push(recorded.tagEventId)
    if (recorded.before !== upstreamDigest) {
      this.reindexedEvents.set(recorded.tagEventId, reindexedBy(images, recorded.before, upstreamDigest))
    }
    return { state: 'UNCHANGED' }
  }

  failed(target: ImportTarget, failure: TagFailure): Promise<TagFailure> {
    const { db, rows, now } = this.#stores
    return this.#commitTogether((tx) => {
      const isWanted = failure.reason !== 'Superseded' && this.#recorder.isStillWanted(target)
      const { id: streamId, dockerImageRepository } = this.#stream
      const absence = {
        streamId,
        tag: target.tag,
        repository: dockerImageRepository ?? '',
        failure,
        now: now(),
      }
      const stored = isWanted && target.isUnlisted ? recordAbsence(db, tx, absence) : failure
      rows.saveFailure(tx, this.#importId, target.tag, stored)
      if (isWanted) this.#recorder.recordFailure(tx, target, stored)
      return stored
    })
  }

  async fetched({ reference }: ImportTarget, { image, index }: FetchedTagImage): Promise<void> {
    const { images } = this.#stores
    const fetched = [index, image].filter((one) => one !== null).filter((one) => !isStored(one))
    if (fetched.length === 0) return
    await this.#commitTogether((tx) => {
      for (const one of fetched) images.store(tx, one, (digest) => pullSpecByDigest(reference, digest))
    })
  }

  /** Commits with other writes of the import: its tags arrive in quick succession. */
  #commitTogether<Result>(write: (tx: Transaction) => Result): Promise<Result> {
    return this.#stores.db.transactTogether(write, { patient: true })
  }

  finish(finished: Import, finishCheck: (tx: Transaction) => void): void {
    const { db, rows, streams, now, onFinished } = this.#stores
    db.transact((tx) => {
      rows.finish(tx, finished, this)
      finishCheck(tx)
      for (const target of this.#unchangedChoices) {
        if (this.#recorder.isStillWanted(target)) this.#recorder.recordChoice(tx, target)
      }
      const at = now()
      streams.recordCheck(tx, this.#stream.id, {
        text: (finished.state === 'FAILED' && finished.message) || new Date(at).toISOString(),
        wholeAt: finished.state === 'SUCCEEDED' ? at : null,
      })
      onFinished?.(tx, this.#stream, finished)
    })
  }
}

const SUPERSEDED: TagFailure = {
  reason: 'Superseded',
  message: 'the spec changed during the import: the import that the change started has the newer state',
}
