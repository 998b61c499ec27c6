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
  description: 'Whether an image is signed as its stream asks for.',
  values: {
    VERIFIED: { description: 'A signature is good, by whom it should be, and about this image.' },
    UNVERIFIED: { description: 'Everything was looked at, and nothing of it counts.' },
    UNKNOWN: {
      description:
        'It could not be seen: the registry could not be asked, or too much is attached to the image.',
    },
    NOT_REQUIRED: { description: 'The stream asks for no signatures, so none was looked at.' },
  } as const,
})

const SignatureFormatEnum = builder.enumType('SignatureFormat', {
  description: 'How a signature is written.',
  values: {
    COSIGN: { description: 'Cosign’s first format: a payload, and annotations.' },
    SIGSTORE: { description: 'A sigstore bundle, cosign’s second format.' },
    NOTATION: { description: 'An envelope of notation.' },
  } as const,
})

const ImageSignatureType = builder.objectRef<CheckedSignature>('ImageSignature').implement({
  description: 'A signature that is attached to an image, and what was made of it.',
  fields: (t) => ({
    digest: t.expose('digest', { type: 'Digest', description: 'Digest of the manifest that carries it.' }),
    format: t.field({
      type: SignatureFormatEnum,
      nullable: true,
      description: 'How it is written; null where that cannot be seen.',
      resolve: ({ format }) => format,
    }),
    accepted: t.exposeBoolean('accepted', {
      description: 'Whether it is one that the stream asks for.',
    }),
    reason: t.exposeString('reason', {
      description:
        '`Verified`, or why it does not count: `WrongKey`, `WrongIdentity`, `WrongDigest`, `Untrusted`, `NotLogged`, `Expired`, `Unsupported`, `Malformed`.',
    }),
    message: t.exposeString('message', { description: 'The same for a person.' }),
    by: t.exposeString('by', {
      nullable: true,
      description:
        'Whose it is: a key’s fingerprint, an identity, a certificate’s subject. Null where it does not count.',
    }),
  }),
})

const ImageVerificationType = builder.objectRef<Verification>('ImageVerification').implement({
  description:
    'What is known of an image’s signatures. It only informs: nothing is kept from being imported or pulled.',
  fields: (t) => ({
    status: t.field({
      type: VerificationStatusEnum,
      description: 'Whether it is signed as the stream asks for.',
      resolve: ({ status }) => status,
    }),
    reason: t.exposeString('reason', {
      description:
        'Why, as one stable word: `Verified`, `NotRequired`, `NoSignature`, the reason of the signature that came furthest, `IncompleteList`, `TooManyAtOnce`, `NoImage`, or the registry’s: `RegistryUnavailable`, `Unauthorized`.',
    }),
    message: t.exposeString('message', { description: 'The same for a person.' }),
    by: t.exposeString('by', {
      nullable: true,
      description: 'Whose signature counts; null where none does.',
    }),
    digests: t.field({
      type: ['Digest'],
      description:
        'What was verified: the image that the tag means, the index that it was taken of, or each image of the index that it is. Empty where nothing was.',
      resolve: ({ digests }) => [...digests],
    }),
    signatures: t.field({
      type: [ImageSignatureType],
      description: 'The signatures that were looked at, those that count first; at most 20 of an image.',
      resolve: ({ signatures }) => signatures,
    }),
    checkedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was looked at; null when it was not.',
      resolve: ({ checkedAt }) => checkedAt,
    }),
  }),
})

const NO_IMAGE = notChecked('UNKNOWN', 'NoImage', 'the tag has no image yet')

/** What a stream asks of signatures, read for all tags that were read together. */
const policyOf = (tag: Tag, { trust }: GraphQLContext) =>
  loadForBatch(tag, 'trust', (tags) =>
    trust.policies.ofStreams([...new Set(tags.map(({ streamId }) => streamId))]),
  ).get(tag.streamId)

builder.objectField(ImageStreamTagType, 'verification', (t) =>
  t.field({
    type: ImageVerificationType,
    description:
      'Whether the image that it means now is signed as its stream asks for with `setImageStreamTrust`. Asks its registry for the signatures, unless it was asked lately.',
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
