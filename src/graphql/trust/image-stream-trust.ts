import type { ImageStream } from '../../imagestream/spec/spec.ts'
import type { TrustPolicy } from '../../trust/policy/policies.ts'
import { parsePublicKey, type SigningKey } from '../../trust/signature/public-key.ts'
import type { TrustRequirement } from '../../trust/signature/requirement.ts'
import { loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { ImageStreamType } from '../kit/object-types.ts'

const TrustRequirementKindEnum = builder.enumType('TrustRequirementKind', {
  description: 'By what a signer is known.',
  values: {
    COSIGN: { description: 'By a public key, as `cosign generate-key-pair` makes one.' },
    KEYLESS: { description: 'By an identity that a certificate authority of sigstore vouches for.' },
    NOTATION: { description: 'By a certificate of an authority, as notation uses them.' },
  } as const,
})

const TrustedKeyType = builder.objectRef<SigningKey>('TrustedKey').implement({
  description: 'A public key whose signatures count.',
  fields: (t) => ({
    pem: t.exposeString('pem', { description: 'The key in PEM.' }),
    fingerprint: t.exposeString('fingerprint', {
      description: 'SHA-256 of its SPKI bytes: `sha256:…`; `by` of a verification names it so.',
    }),
  }),
})

type Of<Kind extends TrustRequirement['kind']> = Extract<TrustRequirement, { kind: Kind }>
const keyless = (requirement: TrustRequirement): Of<'KEYLESS'> | undefined =>
  requirement.kind === 'KEYLESS' ? requirement : undefined
const notation = (requirement: TrustRequirement): Of<'NOTATION'> | undefined =>
  requirement.kind === 'NOTATION' ? requirement : undefined
const textOf = (match: Of<'KEYLESS'>['issuer'] | undefined, part: 'exact' | 'pattern'): string | undefined =>
  match && (part in match ? Object.values(match)[0] : undefined)

const TrustRequirementType = builder.objectRef<TrustRequirement>('TrustRequirement').implement({
  description: 'Whose signature is good enough. Fields of another kind are null or empty.',
  fields: (t) => ({
    kind: t.field({
      type: TrustRequirementKindEnum,
      description: 'By what the signer is known.',
      resolve: ({ kind }) => kind,
    }),
    publicKeys: t.field({
      type: [TrustedKeyType],
      description: 'Any of these keys.',
      resolve: (requirement) =>
        requirement.kind === 'COSIGN'
          ? requirement.publicKeys.map((pem) => parsePublicKey(pem, 'publicKeys'))
          : [],
    }),
    issuer: t.string({
      nullable: true,
      description: 'Who must have told the identity, exactly.',
      resolve: (requirement) => textOf(keyless(requirement)?.issuer, 'exact'),
    }),
    issuerPattern: t.string({
      nullable: true,
      description: 'Pattern that must match the whole of who told the identity.',
      resolve: (requirement) => textOf(keyless(requirement)?.issuer, 'pattern'),
    }),
    subject: t.string({
      nullable: true,
      description: 'The identity, exactly: an e-mail address, or the URI of a workflow.',
      resolve: (requirement) => textOf(keyless(requirement)?.subject, 'exact'),
    }),
    subjectPattern: t.string({
      nullable: true,
      description: 'Pattern that must match the whole identity.',
      resolve: (requirement) => textOf(keyless(requirement)?.subject, 'pattern'),
    }),
    trustedRoot: t.string({
      nullable: true,
      description:
        'The authorities and logs that vouch for identities: a sigstore trusted root, as JSON text.',
      complexity: 20,
      resolve: (requirement) => keyless(requirement)?.trustedRoot,
    }),
    certificates: t.stringList({
      description: 'PEM; one of them must be in the signature’s chain.',
      resolve: (requirement) => [...(notation(requirement)?.certificates ?? [])],
    }),
    trustedIdentities: t.stringList({
      description:
        'Subjects of which the signer must have one: `x509.subject: C=US, O=Acme`, or `*` for any.',
      resolve: (requirement) => [...(notation(requirement)?.trustedIdentities ?? [])],
    }),
  }),
})

const ImageStreamTrustType = builder.objectRef<TrustPolicy>('ImageStreamTrust').implement({
  description:
    'What a stream asks of the signatures of its images. It is no part of the stream’s spec or manifest.',
  fields: (t) => ({
    requirements: t.field({
      type: [TrustRequirementType],
      description: 'Whose signatures count: any one of these.',
      resolve: ({ requirements }) => requirements,
    }),
    updatedAt: t.field({
      type: 'DateTime',
      description: 'When it was last set.',
      resolve: ({ updatedAt }) => updatedAt,
    }),
  }),
})

builder.objectField(ImageStreamType, 'trust', (t) =>
  t.field({
    type: ImageStreamTrustType,
    nullable: true,
    description: 'What it asks of the signatures of its images; null when it asks for none.',
    resolve: trustOf,
  }),
)

function trustOf(stream: ImageStream, _args: object, { trust }: GraphQLContext): TrustPolicy | undefined {
  return loadForBatch(stream, 'trust', (streams) =>
    trust.policies.ofStreams(streams.map(({ id }) => id)),
  ).get(stream.id)
}
