import type { Tag } from '../../imagestream/tag/tag.ts'
import type { FailureReason } from '../../oci/failure-reason.ts'
import {
  type CheckedSignature,
  NOT_REQUIRED,
  notChecked,
  type Verification,
} from '../../trust/verification/verification.ts'
import { loadReferred } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { FailureReasonEnum } from '../kit/failure-reason.ts'
import { ImageStreamTagType } from '../kit/references.ts'
import { enumType, objectType } from '../kit/types.ts'
import { lookupOptionsOf, maxAgeArgs } from './lookup-budget.ts'
import { imageOfTag } from './referrers.ts'

const VerificationStatusEnum = enumType('VerificationStatus', {
  description: 'Result of the verification of an image’s signatures.',
  values: {
    VERIFIED: 'A valid signature of the image meets a requirement of the image stream.',
    UNVERIFIED: 'All signatures were checked, and none of them is accepted.',
    UNKNOWN:
      'The signatures could not be checked: the registry’s response is missing, or too many artifacts refer to the image.',
    NOT_REQUIRED: 'The image stream has no requirements, so no signature was checked.',
  },
})

const SignatureFormatEnum = enumType('SignatureFormat', {
  description: 'Format of a signature.',
  values: {
    COSIGN: 'Cosign’s simple signing format: a payload with annotations.',
    SIGSTORE: 'A sigstore bundle, cosign’s newer format.',
    NOTATION: 'A notation signature envelope.',
  },
})

const failureIn = (reason: Verification['reason']): FailureReason | null =>
  reason === 'Verified' || reason === 'NotRequired' ? null : reason

const ImageSignatureType = objectType<CheckedSignature>('ImageSignature', {
  description: 'A signature of an image, with the result of its check.',
  properties: (t) => ({
    digest: t.digest('Digest of the manifest that contains the signature.'),
    format: t.oneOrNull(SignatureFormatEnum, 'Format of the signature; null if it is unknown.'),
    message: t.string('Explanation of the result for people.'),
  }),
  fields: (t) => ({
    isAccepted: t.exposeBoolean('accepted', {
      description: 'Whether the signature is valid and meets a requirement of the image stream.',
    }),
    signedBy: t.exposeString('by', {
      nullable: true,
      description:
        'Signer: the fingerprint of a key, an identity, or the subject of a certificate. Null if the signature is not accepted.',
    }),
    reason: t.field({
      type: FailureReasonEnum,
      nullable: true,
      description: 'Why the signature is not accepted; null if it is.',
      resolve: ({ reason }) => failureIn(reason),
    }),
  }),
})

const ImageVerificationType = objectType<Verification>('ImageVerification', {
  description:
    'Result of the verification of an image’s signatures. It is informational: it does not prevent imports or pulls.',
  properties: (t) => ({
    status: t.one(VerificationStatusEnum, 'Whether the image has a signature that the image stream accepts.'),
    message: t.string('Explanation of the status for people.'),
    digests: t.digests(
      'Verified digests: the image that the tag points to, the index from which it was taken, or each image of the index that the tag points to, at most 10. Empty if nothing was verified.',
    ),
    signatures: t.list(
      ImageSignatureType,
      'Checked signatures, the accepted ones first; at most 20 for each image.',
    ),
    checkedAt: t.dateTimeOrNull('Time of the check; null if nothing was checked.'),
  }),
  fields: (t) => ({
    signedBy: t.exposeString('by', {
      nullable: true,
      description: 'Signer of the accepted signature; null if none is accepted.',
    }),
    reason: t.field({
      type: FailureReasonEnum,
      nullable: true,
      description:
        'Why the image is not verified; of several rejected signatures, the reason of the one that passed the most checks. Null if `status` is `VERIFIED` or `NOT_REQUIRED`.',
      resolve: ({ reason }) => failureIn(reason),
    }),
  }),
})

const NO_IMAGE = notChecked('UNKNOWN', 'NoImage', 'the tag has no image yet')

/** Returns the trust policy of the tag's stream, loaded for the tag's batch; undefined if there is none. */
const policyOf = (tag: Tag, { trust }: GraphQLContext) =>
  loadReferred(tag, 'trust', 'streamId', (ids) => trust.policies.ofStreams(ids))

builder.objectField(ImageStreamTagType, 'verification', (t) =>
  t.field({
    type: ImageVerificationType,
    description:
      'Verifies whether the image that the tag points to has a signature that the image stream accepts (`setImageStreamTrust`). The registry is requested for signatures unless a recent response is cached.',
    args: maxAgeArgs,
    complexity: 100,
    resolve: (tag, { maxAgeSeconds }, context, info): Verification | Promise<Verification> => {
      const policy = policyOf(tag, context)
      if (!policy) return NOT_REQUIRED
      const image = imageOfTag(tag, context)
      if (!image) return NO_IMAGE
      return context.trust.verify(image, policy, lookupOptionsOf(maxAgeSeconds, context, info))
    },
  }),
)
