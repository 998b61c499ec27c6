import type { ImageLocation } from '../../imagestream/tag/image-locations.ts'
import { parseCreated } from '../../oci/image-config.ts'
import { pullSpecByDigest } from '../../oci/reference.ts'
import type { Referrer } from '../../trust/referrer/referrer.ts'
import { builder } from '../kit/builder.ts'
import { KeyValueType } from '../kit/object-types.ts'

/** A referrer, with the image in the repository where it was found. */
export interface PlacedReferrer extends Referrer {
  readonly image: ImageLocation
}

export const ReferrerKindEnum = builder.enumType('ReferrerKind', {
  description: 'Kind of an artifact that refers to an image.',
  values: {
    SIGNATURE: { description: 'A cosign or notation signature of the image.' },
    ATTESTATION: { description: 'A signed statement about the image, for example about its build.' },
    SBOM: { description: 'A software bill of materials in SPDX, CycloneDX or Syft format, signed or not.' },
    OTHER: { description: 'Another artifact; `artifactType` contains its type.' },
  } as const,
})

const ReferrerSourceEnum = builder.enumType('ReferrerSource', {
  description: 'Source from which a referrer is known.',
  values: {
    API: { description: 'The registry’s referrers API.' },
    TAG: {
      description:
        'The referrers tag `sha256-…`, which clients maintain if the registry has no referrers API.',
    },
    COSIGN_TAG: { description: 'A tag of cosign: `sha256-….sig`, `.att` or `.sbom`.' },
    INDEX: { description: 'The image itself, an index with attestations from BuildKit.' },
  } as const,
})

export const ReferrerType = builder.objectRef<PlacedReferrer>('Referrer')
ReferrerType.implement({
  description:
    'An artifact in the image’s repository that refers to the image: a signature, an attestation or an SBOM.',
  fields: (t) => ({
    digest: t.expose('digest', { type: 'Digest', description: 'Digest of the artifact’s manifest.' }),
    kind: t.field({
      type: ReferrerKindEnum,
      description: 'Kind of the artifact.',
      resolve: ({ kind }) => kind,
    }),
    artifactType: t.exposeString('artifactType', {
      nullable: true,
      description: 'Media type that the artifact declares as its type; null if it declares none.',
    }),
    predicateTypes: t.exposeStringList('predicateTypes', {
      description:
        'Predicate types of an attestation as URIs, for example `https://slsa.dev/provenance/v1` or `https://spdx.dev/Document`. Empty if the artifact is not an attestation or declares none.',
    }),
    mediaType: t.exposeString('mediaType', { description: 'Media type of the artifact’s manifest.' }),
    size: t.expose('size', { type: 'BigInt', description: 'Size of the artifact’s manifest in bytes.' }),
    annotations: t.field({
      type: [KeyValueType],
      description: 'Annotations of the artifact in the list that contains it; long annotations are omitted.',
      resolve: ({ annotations }) => Object.entries(annotations).map(([key, value]) => ({ key, value })),
    }),
    created: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Time at which the artifact was created, from its annotation; null if it declares none.',
      resolve: ({ annotations }) => parseCreated(annotations['org.opencontainers.image.created'])?.getTime(),
    }),
    pullSpec: t.string({
      description: 'Pull spec of the artifact, for example for `oras pull`: `registry/repository@sha256:…`.',
      resolve: ({ image, digest }) => pullSpecByDigest(image.repository, digest),
    }),
    tag: t.exposeString('tag', {
      nullable: true,
      description: 'Cosign tag of the artifact; null if its source is not `COSIGN_TAG`.',
    }),
    source: t.field({
      type: ReferrerSourceEnum,
      description: 'Source from which the artifact is known.',
      resolve: ({ source }) => source,
    }),
    isConfirmed: t.exposeBoolean('isConfirmed', {
      description:
        'Whether the artifact’s manifest was read, exists and refers to the image. False if only a list contains the artifact.',
    }),
  }),
})
