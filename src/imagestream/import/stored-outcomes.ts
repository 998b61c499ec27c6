import { NamespaceRuleError } from '../../access/right/errors.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import { pullSpecByDigest } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { FetchedTagImage } from '../image/fetch-image.ts'
import { isStored } from '../image/image.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { ImportTarget } from '../stored-import/import-plan.ts'
import type { Import, TagFailure } from '../stored-import/import-state.ts'
import { recordAbsence } from '../watch/tag-list-check.ts'
import type { TagSelection } from '../watch/tag-selection.ts'
import type { ImportContext, ImportEnd, ImportOutcomes, TagOutcome } from './import-context.ts'
import { createRepositoryRecorder } from './repository-recorder.ts'
import { createTargetRecorder, type TargetRecorder } from './target-recorder.ts'
import { UnchangedOutcomes } from './unchanged-outcomes.ts'

/** Stores each tag with its image, event, condition and push in one transaction. */
export class StoredOutcomes implements ImportOutcomes {
  readonly alreadyImported: ReadonlySet<TagName>
  /** The results of the unchanged tags until the import is finished. */
  readonly unchangedTags: UnchangedOutcomes
  readonly #context: ImportContext
  readonly #importId: number
  readonly #stream: ImageStream
  readonly #recorder: TargetRecorder
  readonly #recordRepository: ReturnType<typeof createRepositoryRecorder>

  constructor(context: ImportContext, importId: number, stream: ImageStream) {
    this.#context = context
    this.#importId = importId
    this.#stream = stream
    this.#recorder = createTargetRecorder(context, importId, stream)
    this.#recordRepository = createRepositoryRecorder(context)
    this.unchangedTags = new UnchangedOutcomes(context)
    this.alreadyImported = new Set(context.rows.importedTags(importId))
  }

  selected({ unchangedEvents, stillFailing }: TagSelection): void {
    const { db, rows } = this.#context
    for (const event of unchangedEvents) this.unchangedTags.add(event)
    if (stillFailing.length === 0) return
    db.transact((tx) => {
      for (const failure of stillFailing) rows.saveFailure(tx, this.#importId, failure.name, failure)
    })
  }

  isMissingAgain(target: ImportTarget): boolean {
    return this.#recorder.isMissingAgain(target)
  }

  unchanged(target: ImportTarget, tagEventId: number): void {
    this.unchangedTags.add(tagEventId, target)
  }

  async found(target: ImportTarget, found: FetchedTagImage, upstreamDigest: Digest): Promise<TagOutcome> {
    const { rows } = this.#context
    const recording = this.#commitTogether((tx) => {
      if (this.#recorder.isStillWanted(target))
        return this.#recorder.record(tx, target, found, upstreamDigest)
      rows.saveFailure(tx, this.#importId, target.tag, SUPERSEDED)
      return undefined
    })
    const recorded = await recording.catch((error: unknown) => {
      if (error instanceof NamespaceRuleError) return error
      throw error
    })
    if (recorded instanceof NamespaceRuleError) {
      const { reason, message } = recorded
      // the next import does not fetch it again
      await this.fetched(target, found)
      const failure = await this.failed(target, { reason, message })
      return { state: 'FAILED', ...failure }
    }
    if (!recorded) return { state: 'FAILED', ...SUPERSEDED }
    if (recorded.pushed) return { state: 'IMPORTED' }
    this.unchangedTags.addSameImage(recorded.tagEventId, recorded.before, upstreamDigest)
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
    const { namespace } = this.#stream
    const pullSpec = (digest: Digest): string => pullSpecByDigest(reference, digest)
    await this.#commitTogether((tx) => {
      for (const one of fetched) images.store(tx, one, { namespace, pullSpec })
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
      rows.finish(tx, finished, this.unchangedTags)
      finishCheck(tx)
      for (const target of this.unchangedTags.choices) {
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
