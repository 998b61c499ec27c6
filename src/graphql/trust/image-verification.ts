import type { Tag } from '../../imagestream/tag/tag.ts'
import {
  type CheckedSignature,
  NOT_REQUIRED,
  notChecked,
  type Verification,
} from '../../trust/verification/verification.ts'
import { loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { lookupOptionsOf, maxAgeArgs } from '../kit/lookup-budget.ts'
import { ImageStreamTagType } from '../kit/object-types.ts'
import { imageOfTag } from './referrers.ts'

const VerificationStatusEnum = builder.enumType('VerificationStatus', {
  description: 'Result of the verification of an image’s signatures.',
  values: {
    VERIFIED: { description: 'A valid signature of the image meets a requirement of the image stream.' },
    UNVERIFIED: { description: 'All signatures were checked, and none of them is accepted.' },
    UNKNOWN: {
      description:
        'The signatures could not be checked: the registry’s response is missing, or too many artifacts refer to the image.',
    },
    NOT_REQUIRED: { description: 'The image stream has no requirements, so no signature was checked.' },
  } as const,
})

const SignatureFormatEnum = builder.enumType('SignatureFormat', {
  description: 'Format of a signature.',
  values: {
    COSIGN: { description: 'Cosign’s simple signing format: a payload with annotations.' },
    SIGSTORE: { description: 'A sigstore bundle, cosign’s newer format.' },
    NOTATION: { description: 'A notation signature envelope.' },
  } as const,
})

const ImageSignatureType = builder.objectRef<CheckedSignature>('ImageSignature').implement({
  description: 'A signature of an image, with the result of its check.',
  fields: (t) => ({
    digest: t.expose('digest', {
      type: 'Digest',
      description: 'Digest of the manifest that contains the signature.',
    }),
    format: t.field({
      type: SignatureFormatEnum,
      nullable: true,
      description: 'Format of the signature; null if it is unknown.',
      resolve: ({ format }) => format,
    }),
    accepted: t.exposeBoolean('accepted', {
      description: 'Whether the signature is valid and meets a requirement of the image stream.',
    }),
    reason: t.exposeString('reason', {
      description:
        '`Verified`, or the machine-readable reason of the rejection: `WrongKey`, `WrongIdentity`, `WrongDigest`, `Untrusted`, `NotLogged`, `Expired`, `Unsupported` or `Malformed`.',
    }),
    message: t.exposeString('message', { description: 'Human-readable result of the check.' }),
    by: t.exposeString('by', {
      nullable: true,
      description:
        'Signer: the fingerprint of a key, an identity, or the subject of a certificate. Null if the signature is not accepted.',
    }),
  }),
})

const ImageVerificationType = builder.objectRef<Verification>('ImageVerification').implement({
  description:
    'Result of the verification of an image’s signatures. It is informational: it does not prevent imports or pulls.',
  fields: (t) => ({
    status: t.field({
      type: VerificationStatusEnum,
      description: 'Whether the image has a signature that the image stream accepts.',
      resolve: ({ status }) => status,
    }),
    reason: t.exposeString('reason', {
      description:
        'Machine-readable reason: `Verified`, `NotRequired`, `NoSignature`, the reason of the signature that passed the most checks, `IncompleteList`, `TooManyAtOnce`, `NoImage`, or a failure of the registry such as `RegistryUnavailable` or `Unauthorized`.',
    }),
    message: t.exposeString('message', { description: 'Human-readable reason.' }),
    by: t.exposeString('by', {
      nullable: true,
      description: 'Signer of the accepted signature; null if none is accepted.',
    }),
    digests: t.field({
      type: ['Digest'],
      description:
        'Verified digests: the image that the tag points to, the index from which it was taken, or each image of the index that the tag points to. Empty if nothing was verified.',
      resolve: ({ digests }) => [...digests],
    }),
    signatures: t.field({
      type: [ImageSignatureType],
      description: 'Checked signatures, the accepted ones first; at most 20 for each image.',
      resolve: ({ signatures }) => signatures,
    }),
    checkedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Time of the check; null if nothing was checked.',
      resolve: ({ checkedAt }) => checkedAt,
    }),
  }),
})

const NO_IMAGE = notChecked('UNKNOWN', 'NoImage', 'the tag has no image yet')

/** Returns the trust policy of the tag's stream, loaded for the tag's batch; undefined if there is none. */
const policyOf = (tag: Tag, { trust }: GraphQLContext) =>
  loadForBatch(tag, 'trust', (tags) =>
    trust.policies.ofStreams([...new Set(tags.map(({ streamId }) => streamId))]),
  ).get(tag.streamId)

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
