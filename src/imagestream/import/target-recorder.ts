import { SYSTEM } from '../../access/right/viewer.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import { pullSpecByDigest } from '../../oci/reference.ts'
import type { FetchedTagImage } from '../image/fetch-image.ts'
import type { ImageStream } from '../spec/spec.ts'
import type { ImportTarget } from '../stored-import/import-plan.ts'
import type { TagFailure } from '../stored-import/import-state.ts'
import { SCANS_APART } from '../watch/tag-list-check.ts'
import type { ImportContext } from './import-context.ts'

/** The record of the results of one import's targets. */
export type TargetRecorder = ReturnType<typeof createTargetRecorder>

/** Creates the record of the results of one import's targets in the tags of its stream. */
export function createTargetRecorder(context: ImportContext, importId: number, stream: ImageStream) {
  const { db, images, recorder, streams, tags, choices, now } = context
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
      if (index) images.store(tx, index, { namespace, pullSpec })
      const imageId = images.store(tx, image, { namespace, pullSpec })
      const before = tags.imported(streamId, tag)?.upstreamDigest ?? upstreamDigest
      const address = { streamId, namespace, streamName, tag }
      const dockerImageReference = pullSpec(image.digest)
      const change = { imageId, dockerImageReference, generation, importId, upstreamDigest, at: now() }
      return { ...recorder.recordTagEvent(tx, SYSTEM, address, { ...change, source: 'IMPORT' }), before }
    },

    /** Records that a complete list lacks the tag that a rule chose before. Reports whether an earlier one lacked it too. */
    isMissingAgain({ tag }: ImportTarget): boolean {
      const since = choices.missingSince(streamId, tag)
      if (since !== null) return now() >= since + SCANS_APART
      db.transact((tx) => choices.setMissing(tx, streamId, tag, now()))
      return false
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
