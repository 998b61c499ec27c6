import type { ImageStream } from '../../imagestream/spec/spec.ts'
import { inputType, mutation, ofStream } from '../kit/inputs.ts'
import { ImageStreamType } from '../kit/references.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'

const CosignRequirementInput = inputType('CosignRequirementInput', {
  description:
    'A signature with one of these keys, in any format of cosign. The transparency log is not checked.',
  fields: (t) => ({
    publicKeys: t.requiredStrings(
      'Accepted public keys in PEM, as in `cosign.pub`: ECDSA, Ed25519 or RSA; 1 to 10 keys.',
    ),
  }),
})

const KeylessRequirementInput = inputType('KeylessRequirementInput', {
  description:
    'A signature with an identity, as from `cosign sign` without a key. The server sends no request to verify it.',
  fields: (t) => ({
    issuer: t.string(
      'Exact issuer of the identity, for example `https://token.actions.githubusercontent.com`. One of `issuer` and `issuerPattern` is required.',
    ),
    issuerPattern: t.string(
      'Regular expression in RE2 syntax that must match the whole issuer, instead of `issuer`.',
    ),
    subject: t.string(
      'Exact identity, for example `me@example.com` or the URI of a workflow. One of `subject` and `subjectPattern` is required.',
    ),
    subjectPattern: t.string(
      'Regular expression in RE2 syntax that must match the whole identity, instead of `subject`.',
    ),
    trustedRoot: t.requiredString(
      'Sigstore trusted root as JSON: the trusted certificate authorities, logs and timestamp authorities, for example from `cosign trusted-root create`.',
    ),
  }),
})

const NotationRequirementInput = inputType('NotationRequirementInput', {
  description: 'A notation signature in a JWS envelope. COSE envelopes are not supported.',
  fields: (t) => ({
    certificates: t.requiredString(
      '1 to 10 certificates in PEM, of which the signature’s chain must contain one.',
    ),
    trustedIdentities: t.requiredStrings(
      'Subjects of which the signing certificate must have one, as `x509.subject: C=US, ST=WA, O=Acme`; the certificate may have more attributes. `*` accepts any subject. 1 to 10 subjects.',
    ),
  }),
})

const TrustRequirementInput = inputType('TrustRequirementInput', {
  description: 'A requirement for accepted signatures. Exactly one of the fields is required.',
  fields: (t) => ({
    cosign: t.one(CosignRequirementInput, 'Accepts signatures with one of these keys.'),
    keyless: t.one(KeylessRequirementInput, 'Accepts signatures with this identity.'),
    notation: t.one(NotationRequirementInput, 'Accepts signatures with a certificate of this authority.'),
  }),
})

const SetImageStreamTrustInput = inputType('SetImageStreamTrustInput', {
  description: 'An image stream, and the requirements for the signatures of its images.',
  fields: (t) => ({
    namespace: t.streamNamespace(),
    imageStream: t.imageStream(),
    requirements: t.requiredList(
      TrustRequirementInput,
      'Requirements of which a signature must meet any one; at most 10. An empty list removes all requirements.',
    ),
    resourceVersion: t.resourceVersion(),
  }),
})

const SetImageStreamTrustPayload = objectType<{ imageStream: ImageStream }>('SetImageStreamTrustPayload', {
  description: 'The image stream with its new requirements.',
  properties: (t) => ({ imageStream: t.one(ImageStreamType, 'The image stream.') }),
})

mutation('setImageStreamTrust', {
  description:
    'Sets the requirements for the signatures of an image stream’s images. `ImageStreamTag.verification` reports whether they are met; imports and pulls of other images are not prevented. `NOT_FOUND` if the image stream does not exist.',
  access: 'configure',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # Only images with a signature by this key are trusted.
    mutation SetImageStreamTrust {
      setImageStreamTrust(
        input: {
          imageStream: "ruby"
          requirements: [
            {
              cosign: {
                publicKeys: [
                  """
                  -----BEGIN PUBLIC KEY-----
                  MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQMWlOeTN5hgQp3bt2ktnQfqsnO8R
                  mpAkrMg6684iIbLhVmdu1qb6rI4wnUev5NFVWxx/8WSTA38ikRKgOFOfNw==
                  -----END PUBLIC KEY-----
                  """
                ]
              }
            }
          ]
        }
      ) {
        imageStream { name trust { changedAt } }
      }
    }
  `,
  input: SetImageStreamTrustInput,
  inputDescription: 'The image stream and its requirements.',
  payload: SetImageStreamTrustPayload,
  resolve: async (input, { viewer, trust }) => ({
    imageStream: await trust.policies.set(viewer, ofStream(input)),
  }),
})
