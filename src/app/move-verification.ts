import type { VerifyMove } from '../triggers/run/guarding.ts'
import type { Trust } from '../trust/trust.ts'
import { NOT_REQUIRED } from '../trust/verification/verification.ts'
import type { Domain } from './domain.ts'

/** Milliseconds for which an earlier verification is used: a guard that waits reads signatures again after a minute. */
const MAX_AGE = 45_000

interface VerificationParts {
  readonly tags: Pick<Domain['tags'], 'event' | 'byIds'>
  readonly trust: Pick<Trust, 'policies' | 'locations' | 'verify'>
}

/** Creates the verification of images for triggers, by the requirements of the streams to which their tags belong. */
export function createMoveVerification({ tags, trust }: VerificationParts): VerifyMove {
  return async (eventId) => {
    const tagId = tags.event(eventId)?.tagId ?? 0
    const tag = tags.byIds([tagId]).get(tagId)
    const image = trust.locations.ofTags([tagId]).get(tagId)
    if (tag?.newestEventId !== eventId || !image) {
      return { isVerified: false, message: 'the tag points to another image now' }
    }
    const policy = trust.policies.ofStreams([tag.streamId]).get(tag.streamId)
    if (!policy) return { isVerified: false, message: NOT_REQUIRED.message }
    const { status, message } = await trust.verify(image, policy, { maxAge: MAX_AGE, mayRequest: true })
    return { isVerified: status === 'VERIFIED', message }
  }
}
