import type { ImageStream } from '../../imagestream/spec/spec.ts'
import { NotFoundError } from '../../input/errors.ts'
import { checkNamespace, checkStreamName } from '../../input/names.ts'
import { builder } from '../kit/builder.ts'
import { ImageStreamType } from '../kit/object-types.ts'

const CosignRequirementInput = builder.inputType('CosignRequirementInput', {
  description: 'A signature by one of these keys, in any of cosign’s formats. Which log has it is not asked.',
  fields: (t) => ({
    publicKeys: t.stringList({
      required: true,
      description: 'What is in `cosign.pub`: ECDSA, Ed25519 or RSA in PEM; 1 to 10.',
    }),
  }),
})

const KeylessRequirementInput = builder.inputType('KeylessRequirementInput', {
  description:
    'A signature by an identity, as `cosign sign` makes it without a key. Nobody is asked to verify it.',
  fields: (t) => ({
    issuer: t.string({
      description: 'Who must have told the identity: `https://token.actions.githubusercontent.com`.',
    }),
    issuerPattern: t.string({
      description: 'The same as a regular expression (RE2), which must match the whole; instead of `issuer`.',
    }),
    subject: t.string({
      description: 'The identity: `me@example.com`, or the URI of a workflow.',
    }),
    subjectPattern: t.string({
      description:
        'The same as a regular expression (RE2), which must match the whole; instead of `subject`.',
    }),
    trustedRoot: t.string({
      required: true,
      description:
        'JSON text of a sigstore trusted root: the certificate authorities, logs and timestamp authorities to believe. `cosign trusted-root create` writes one.',
    }),
  }),
})

const NotationRequirementInput = builder.inputType('NotationRequirementInput', {
  description: 'A signature of notation, as a JWS envelope; COSE envelopes are not read.',
  fields: (t) => ({
    certificates: t.string({
      required: true,
      description: 'PEM of 1 to 10 certificates, of which one must be in the signature’s chain.',
    }),
    trustedIdentities: t.stringList({
      required: true,
      description:
        'Subjects of which the signer’s certificate must have one: `x509.subject: C=US, ST=WA, O=Acme`, with more or not; `*` for any. 1 to 10.',
    }),
  }),
})

const TrustRequirementInput = builder.inputType('TrustRequirementInput', {
  description: 'Whose signature is good enough: exactly one of the three.',
  fields: (t) => ({
    cosign: t.field({ type: CosignRequirementInput, description: 'Somebody with one of these keys.' }),
    keyless: t.field({ type: KeylessRequirementInput, description: 'Somebody with this identity.' }),
    notation: t.field({
      type: NotationRequirementInput,
      description: 'Somebody with a certificate of this authority.',
    }),
  }),
})

const SetImageStreamTrustInput = builder.inputType('SetImageStreamTrustInput', {
  description: 'A stream, and whose signatures of its images count.',
  fields: (t) => ({
    namespace: t.string({ required: true, defaultValue: 'default', description: 'Namespace of the stream.' }),
    imageStream: t.string({ required: true, description: 'Name of the stream.' }),
    requirements: t.field({
      type: [TrustRequirementInput],
      required: true,
      description: 'Any one of these is enough; at most 10, and none at all ends it.',
    }),
  }),
})

interface Payload {
  readonly imageStream: ImageStream
}

const SetImageStreamTrustPayload = builder.objectRef<Payload>('SetImageStreamTrustPayload').implement({
  description: 'The stream with what it asks for from now on.',
  fields: (t) => ({
    imageStream: t.field({
      type: ImageStreamType,
      description: 'The stream.',
      resolve: ({ imageStream }) => imageStream,
    }),
  }),
})

builder.mutationField('setImageStreamTrust', (t) =>
  t.field({
    type: SetImageStreamTrustPayload,
    description:
      'Says whose signatures of a stream’s images count; `ImageStreamTag.verification` tells from then on whether there is one. It only informs: images without one are imported and pulled as before.',
    args: {
      input: t.arg({
        type: SetImageStreamTrustInput,
        required: true,
        description: 'The stream and its requirements.',
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
      // the requirements are looked at first, and the stream may be gone then
      await trust.policies.set(id, requirements, () => {
        if (find().id !== id) throw new NotFoundError(`the image stream ${namespace}/${name} was deleted`)
      })
      return { imageStream: find() }
    },
  }),
)
