import type { TrustPolicy } from '../../trust/policy/policies.ts'
import { parsePublicKey, type SigningKey } from '../../trust/signature/public-key.ts'
import type { TrustRequirement } from '../../trust/signature/requirement.ts'
import { loadById } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ImageStreamType } from '../kit/references.ts'
import { PART_OF_STREAM } from '../kit/stream-of.ts'
import { enumType, objectType } from '../kit/types.ts'

const TrustRequirementKindEnum = enumType('TrustRequirementKind', {
  description: 'Kind of a trust requirement.',
  values: {
    COSIGN: 'A public key, for example from `cosign generate-key-pair`.',
    KEYLESS: 'An identity in a certificate of a sigstore certificate authority.',
    NOTATION: 'A certificate authority and subjects, as notation uses them.',
  },
})

const TrustedKeyType = objectType<SigningKey>('TrustedKey', {
  description: 'A public key whose signatures are accepted.',
  properties: (t) => ({
    pem: t.string('Public key in PEM.'),
    fingerprint: t.string(
      'SHA-256 digest of the key’s SPKI encoding as `sha256:…`, as in `by` of a verification.',
    ),
  }),
})

type Of<Kind extends TrustRequirement['kind']> = Extract<TrustRequirement, { kind: Kind }>
const keyless = (requirement: TrustRequirement): Of<'KEYLESS'> | undefined =>
  requirement.kind === 'KEYLESS' ? requirement : undefined
const notation = (requirement: TrustRequirement): Of<'NOTATION'> | undefined =>
  requirement.kind === 'NOTATION' ? requirement : undefined
const textOf = (match: Of<'KEYLESS'>['issuer'] | undefined, part: 'exact' | 'pattern'): string | undefined =>
  match && (part in match ? Object.values(match)[0] : undefined)

const TrustRequirementType = objectType<TrustRequirement>('TrustRequirement', {
  description: 'A requirement for accepted signatures. Fields of other kinds are null or empty.',
  properties: (t) => ({
    kind: t.one(TrustRequirementKindEnum, 'Kind of the requirement.'),
  }),
  fields: (t) => ({
    publicKeys: t.field({
      type: [TrustedKeyType],
      description: 'Accepted public keys, of which any one suffices; for kind `COSIGN`, at most 10.',
      resolve: (requirement) =>
        requirement.kind === 'COSIGN'
          ? requirement.publicKeys.map((pem) => parsePublicKey(pem, 'publicKeys'))
          : [],
    }),
    issuer: t.string({
      nullable: true,
      description: 'Exact issuer of the identity; for kind `KEYLESS`. Null if `issuerPattern` is set.',
      resolve: (requirement) => textOf(keyless(requirement)?.issuer, 'exact'),
    }),
    issuerPattern: t.string({
      nullable: true,
      description:
        'Regular expression that must match the whole issuer of the identity; for kind `KEYLESS`. Null if `issuer` is set.',
      resolve: (requirement) => textOf(keyless(requirement)?.issuer, 'pattern'),
    }),
    subject: t.string({
      nullable: true,
      description:
        'Exact identity, an e-mail address or the URI of a workflow; for kind `KEYLESS`. Null if `subjectPattern` is set.',
      resolve: (requirement) => textOf(keyless(requirement)?.subject, 'exact'),
    }),
    subjectPattern: t.string({
      nullable: true,
      description:
        'Regular expression that must match the whole identity; for kind `KEYLESS`. Null if `subject` is set.',
      resolve: (requirement) => textOf(keyless(requirement)?.subject, 'pattern'),
    }),
    trustedRoot: t.string({
      nullable: true,
      description:
        'Sigstore trusted root as JSON, with the certificate authorities and logs; for kind `KEYLESS`.',
      complexity: 20,
      resolve: (requirement) => keyless(requirement)?.trustedRoot,
    }),
    certificates: t.stringList({
      description:
        'Certificates in PEM, of which the signature’s chain must contain one; for kind `NOTATION`, at most 10.',
      resolve: (requirement) => [...(notation(requirement)?.certificates ?? [])],
    }),
    trustedIdentities: t.stringList({
      description:
        'Subjects of which the signing certificate must have one, as `x509.subject: C=US, O=Acme`, or `*` for any; for kind `NOTATION`, at most 10.',
      resolve: (requirement) => [...(notation(requirement)?.trustedIdentities ?? [])],
    }),
  }),
})

registerRowNode('ImageStreamTrust', {
  load: (id, { trust }) => trust.policies.ofStreams([id]).get(id),
  access: PART_OF_STREAM,
})

const ImageStreamTrustType = objectType<TrustPolicy>('ImageStreamTrust', {
  description:
    'Requirements for the signatures of an image stream’s images. They are not part of the stream’s spec or document.',
  interfaces: [NodeInterface],
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the requirements; the same as long as the image stream exists.',
      resolve: ({ streamId }) => nodeId('ImageStreamTrust', streamId),
    }),
    changedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'Time at which the requirements were last set.',
    }),
  }),
  properties: (t) => ({
    requirements: t.list(
      TrustRequirementType,
      'Accepted signatures: those that meet any one of these requirements; at most 10.',
    ),
  }),
})

builder.objectField(ImageStreamType, 'trust', (t) =>
  t.field({
    type: ImageStreamTrustType,
    nullable: true,
    description: 'Requirements for the signatures of the stream’s images; null if there are none.',
    resolve: (stream, _args, { trust }) => loadById(stream, 'trust', (ids) => trust.policies.ofStreams(ids)),
  }),
)
