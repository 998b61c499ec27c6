import type { ImageStream } from '../../imagestream/spec/spec.ts'
import { NotFoundError } from '../../input/errors.ts'
import { checkNamespace, checkStreamName } from '../../input/names.ts'
import { builder } from '../kit/builder.ts'
import { ImageStreamType } from '../kit/references.ts'
import { objectType } from '../kit/types.ts'

const CosignRequirementInput = builder.inputType('CosignRequirementInput', {
  description:
    'A signature with one of these keys, in any format of cosign. The transparency log is not checked.',
  fields: (t) => ({
    publicKeys: t.stringList({
      required: true,
      description: 'Accepted public keys in PEM, as in `cosign.pub`: ECDSA, Ed25519 or RSA; 1 to 10 keys.',
    }),
  }),
})

const KeylessRequirementInput = builder.inputType('KeylessRequirementInput', {
  description:
    'A signature with an identity, as from `cosign sign` without a key. The server sends no request to verify it.',
  fields: (t) => ({
    issuer: t.string({
      description:
        'Exact issuer of the identity, for example `https://token.actions.githubusercontent.com`. One of `issuer` and `issuerPattern` is required.',
    }),
    issuerPattern: t.string({
      description: 'Regular expression in RE2 syntax that must match the whole issuer, instead of `issuer`.',
    }),
    subject: t.string({
      description:
        'Exact identity, for example `me@example.com` or the URI of a workflow. One of `subject` and `subjectPattern` is required.',
    }),
    subjectPattern: t.string({
      description:
        'Regular expression in RE2 syntax that must match the whole identity, instead of `subject`.',
    }),
    trustedRoot: t.string({
      required: true,
      description:
        'Sigstore trusted root as JSON: the trusted certificate authorities, logs and timestamp authorities, for example from `cosign trusted-root create`.',
    }),
  }),
})

const NotationRequirementInput = builder.inputType('NotationRequirementInput', {
  description: 'A notation signature in a JWS envelope. COSE envelopes are not supported.',
  fields: (t) => ({
    certificates: t.string({
      required: true,
      description: '1 to 10 certificates in PEM, of which the signature’s chain must contain one.',
    }),
    trustedIdentities: t.stringList({
      required: true,
      description:
        'Subjects of which the signing certificate must have one, as `x509.subject: C=US, ST=WA, O=Acme`; the certificate may have more attributes. `*` accepts any subject. 1 to 10 subjects.',
    }),
  }),
})

const TrustRequirementInput = builder.inputType('TrustRequirementInput', {
  description: 'A requirement for accepted signatures. Exactly one of the fields is required.',
  fields: (t) => ({
    cosign: t.field({
      type: CosignRequirementInput,
      description: 'Accepts signatures with one of these keys.',
    }),
    keyless: t.field({
      type: KeylessRequirementInput,
      description: 'Accepts signatures with this identity.',
    }),
    notation: t.field({
      type: NotationRequirementInput,
      description: 'Accepts signatures with a certificate of this authority.',
    }),
  }),
})

const SetImageStreamTrustInput = builder.inputType('SetImageStreamTrustInput', {
  description: 'An image stream, and the requirements for the signatures of its images.',
  fields: (t) => ({
    namespace: t.string({
      required: true,
      defaultValue: 'default',
      description: 'Namespace of the image stream; the default is `default`.',
    }),
    imageStream: t.string({ required: true, description: 'Name of the image stream.' }),
    requirements: t.field({
      type: [TrustRequirementInput],
      required: true,
      description:
        'Requirements of which a signature must meet any one; at most 10. An empty list removes all requirements.',
    }),
  }),
})

interface StreamPayload {
  readonly imageStream: ImageStream
}

const SetImageStreamTrustPayload = objectType<StreamPayload>('SetImageStreamTrustPayload', {
  description: 'The image stream with its new requirements.',
  properties: (t) => ({
    imageStream: t.one(ImageStreamType, 'The image stream.'),
  }),
})

builder.mutationField('setImageStreamTrust', (t) =>
  t.field({
    type: SetImageStreamTrustPayload,
    description:
      'Sets the requirements for the signatures of an image stream’s images. `ImageStreamTag.verification` reports whether they are met; imports and pulls of other images are not prevented. `NOT_FOUND` if the image stream does not exist.',
    args: {
      input: t.arg({
        type: SetImageStreamTrustInput,
        required: true,
        description: 'The image stream and its requirements.',
      }),
    },
    resolve: async (_mutation, { input }, { streams, trust }) => {
      const { namespace, imageStream: name, requirements } = input
      checkNamespace(namespace)
      checkStreamName(namespace, name, 'imageStream')
      const find = (): ImageStream => {
        const stream = streams.byName(namespace, name)
        if (!stream) throw new NotFoundError(`there is no image stream ${namespace}/${name}`)
        return stream
      }
      const { id } = find()
      // the requirements are checked first, and the stream may be deleted in the meantime
      await trust.policies.set(id, requirements, () => {
        if (find().id !== id) throw new NotFoundError(`the image stream ${namespace}/${name} was deleted`)
      })
      return { imageStream: find() }
    },
  }),
)
