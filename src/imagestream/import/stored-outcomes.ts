import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import { pullSpecByDigest } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import { reindexedPlatforms } from '../image/changed-platforms.ts'
import type { FetchedTagImage } from '../image/fetch-image.ts'
import { isStored } from '../image/image.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { ImportTarget } from '../stored-import/import-plan.ts'
import type { Import, TagFailure, UnchangedTags } from '../stored-import/import-state.ts'
import { recordAbsence } from '../watch/tag-list-check.ts'
import type { TagSelection } from '../watch/tag-selection.ts'
import type { ImportContext, ImportEnd, ImportOutcomes, TagOutcome } from './import-context.ts'
import { createRepositoryRecorder } from './repository-recorder.ts'

/** Stores each tag with its image, event, condition and push in one transaction. */
export class StoredOutcomes implements ImportOutcomes, UnchangedTags {
  readonly alreadyImported: ReadonlySet<TagName>
  /** Events of the unchanged tags, which are their results until the import is finished. */
  readonly unchangedEvents: number[] = []
  readonly reindexedEvents = new Map<number, string | null>()
  readonly #context: ImportContext
  readonly #importId: number
  readonly #stream: ImageStream
  readonly #recorder: TargetRecorder
  readonly #recordRepository: ReturnType<typeof createRepositoryRecorder>
  /** Unchanged tags whose rule was applied. */
  readonly #unchangedChoices: ImportTarget[] = []

  constructor(context: ImportContext, importId: number, stream: ImageStream) {
    this.#context = context
    this.#importId = importId
    this.#stream = stream
    this.#recorder = createTargetRecorder(context, importId, stream)
    this.#recordRepository = createRepositoryRecorder(context)
    this.alreadyImported = new Set(context.rows.importedTags(importId))
  }

  selected({ unchangedEvents, stillFailing }: TagSelection): void {
    const { db, rows } = this.#context
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
    const { images, rows } = this.#context
    const recorded = await this.#commitTogether((tx) => {
      if (this.#recorder.isStillWanted(target))
        return this.#recorder.record(tx, target, found, upstreamDigest)
      rows.saveFailure(tx, this.#importId, target.tag, SUPERSEDED)
      return undefined
    })
    if (!recorded) return { state: 'FAILED', ...SUPERSEDED }
    if (recorded.pushed) return { state: 'IMPORTED' }
    this.unchangedEvents.push(recorded.tagEventId)
    if (recorded.before !== upstreamDigest) {
      this.reindexedEvents.set(
        recorded.tagEventId,
        reindexedPlatforms(images, recorded.before, upstreamDigest),
      )
    }
    return { state: 'UNCHANGED' }
  }

  failed(target: ImportTarget, failure: TagFailure): Promise<TagFailure> {
    const { db, rows, now } = this.#context
    return this.#commitTogether((tx) => {
      const isWanted = failure.reason !== 'Superseded' && this.#recorder.isStillWanted(target)
      const absent = { stream: this.#stream, tag: target.tag, failure, now: now() }
      const stored = isWanted && target.isUnlisted ? recordAbsence(db, tx, absent) : failure
      rows.saveFailure(tx, this.#importId, target.tag, stored)
      if (isWanted) this.#recorder.recordFailure(tx, target, stored)
      return stored
    })
  }

  async fetched({ reference }: ImportTarget, { image, index }: FetchedTagImage): Promise<void> {
    const { images } = this.#context
    const fetched = [index, image].filter((one) => one !== null).filter((one) => !isStored(one))
    if (fetched.length === 0) return
    await this.#commitTogether((tx) => {
      for (const one of fetched) images.store(tx, one, (digest) => pullSpecByDigest(reference, digest))
    })
  }

  /** Commits with other writes of the import: its tags arrive in quick succession. */
  #commitTogether<Result>(write: (tx: Transaction) => Result): Promise<Result> {
    return this.#context.db.transactTogether(write, { patient: true })
  }

  finish(finished: Import, { repositoryFailure, finishCheck }: ImportEnd): void {
    const { db, rows, streams, recorder, now, onFinished } = this.#context
    const failedMessage =
      repositoryFailure?.message ?? (finished.state === 'FAILED' ? finished.message : null)
    db.transact((tx) => {
      rows.finish(tx, finished, this)
      finishCheck(tx)
      for (const target of this.#unchangedChoices) {
        if (this.#recorder.isStillWanted(target)) this.#recorder.recordChoice(tx, target)
      }
      const at = now()
      streams.recordCheck(tx, this.#stream.id, {
        text: failedMessage ?? inSeconds(at),
        wholeAt: finished.state === 'SUCCEEDED' ? at : null,
      })
      recorder.leaveGoneTags(tx, this.#stream.id)
      this.#recordRepository(tx, this.#stream, { importId: this.#importId, failure: repositoryFailure, at })
      onFinished?.(tx, this.#stream, finished)
    })
  }
}

/** Formats a time as OpenShift writes it, `2026-01-31T12:00:00Z`. */
const inSeconds = (time: number): string => new Date(time).toISOString().replace(/\.\d+Z$/, 'Z')

const SUPERSEDED: TagFailure = {
  reason: 'Superseded',
  message: 'the spec changed during the import: the import that the change started has the newer state',
}

type TargetRecorder = ReturnType<typeof createTargetRecorder>

/** Records the results of one import's targets in the tags of its stream. */
function createTargetRecorder(context: ImportContext, importId: number, stream: ImageStream) {
  const { images, recorder, streams, tags, choices, now } = context
  const { id: streamId, namespace, name: streamName } = stream

  const recordChoice = (tx: Transaction, { tag, decision, passedOver }: ImportTarget): void => {
    if (!decision) return
    const choice = { ...decision, passedOver: passedOver ?? null, decidedAt: now() }
    choices.recordChoice(tx, { streamId, tag }, choice)
  }

  return {
    /** Records the decision of the target's rule, if it has one. */
    recordChoice,

    /** Records the image as the one that the tag points to. */
    record(tx: Transaction, target: ImportTarget, { image, index }: FetchedTagImage, upstreamDigest: Digest) {
      const { tag, reference, generation } = target
      recordChoice(tx, target)
      const pullSpec = (digest: Digest): string => pullSpecByDigest(reference, digest)
      if (index) images.store(tx, index, pullSpec)
      const imageId = images.store(tx, image, pullSpec)
      const before = tags.imported(streamId, tag)?.upstreamDigest ?? upstreamDigest
      const address = { streamId, namespace, streamName, tag }
      const dockerImageReference = pullSpec(image.digest)
      const change = { imageId, dockerImageReference, generation, importId, upstreamDigest, at: now() }
      return { ...recorder.recordTagEvent(tx, address, { ...change, source: 'IMPORT' }), before }
    },

    /** Records the failure as the condition of the tag. */
    recordFailure(tx: Transaction, target: ImportTarget, { reason, message }: TagFailure): void {
      const { tag, generation } = target
      if (reason === 'Superseded') return
      const { decision } = target
      if (decision) choices.recordFailedChoice(tx, { streamId, tag }, { ...decision, decidedAt: now() })
      // listed, and deleted upstream before it was ever read: the stream has no tag for a condition
      const vanished = reason === 'NotFound' && !target.specTag && !target.isUnlisted
      if (vanished && !tags.imported(streamId, tag)) return
      const failure = { reason, message, importId, generation, at: now() }
      recorder.recordImportFailure(tx, { streamId, tag }, failure)
    },

    /** Reports whether the spec is the one that the target was planned by; the stream may also have been deleted. */
    isStillWanted({ tag, specTag, generation }: ImportTarget): boolean {
      const wanted = streams.generations(streamId, tag)
      if (specTag) return wanted?.specTag === generation
      return wanted?.specTag === null && wanted.repository === generation
    },
  }
}
