import type { ImageLocation } from '../../imagestream/tag/image-locations.ts'
import { parseCreated } from '../../oci/image-config.ts'
import { pullSpecByDigest } from '../../oci/reference.ts'
import type { Referrer } from '../../trust/referrer/referrer.ts'
import { builder } from '../kit/builder.ts'
import { KeyValueType } from '../kit/object-types.ts'

/** A referrer, and the image's place in which it was found. */
export interface PlacedReferrer extends Referrer {
  readonly image: ImageLocation
}

export const ReferrerKindEnum = builder.enumType('ReferrerKind', {
  description: 'What is attached to an image.',
  values: {
    SIGNATURE: { description: 'Somebody vouches for the image: a signature of cosign or notation.' },
    ATTESTATION: { description: 'Somebody states something of it: where and how it was built, say.' },
    SBOM: { description: 'A list of what is in it, in SPDX, CycloneDX or Syft, signed or not.' },
    OTHER: { description: 'Something else: `artifactType` says what.' },
  } as const,
})

const ReferrerSourceEnum = builder.enumType('ReferrerSource', {
  description: 'Where it is said that something is attached to an image.',
  values: {
    API: { description: 'In the registry’s own list of what refers to the image.' },
    TAG: {
      description: 'In the list that clients keep under the tag `sha256-…`, where the registry has none.',
    },
    COSIGN_TAG: { description: 'Under one of cosign’s tags: `sha256-….sig`, `.att`, `.sbom`.' },
    INDEX: { description: 'In the image itself, an index: BuildKit’s attestations.' },
  } as const,
})

export const ReferrerType = builder.objectRef<PlacedReferrer>('Referrer')
ReferrerType.implement({
  description:
    'Something that is attached to an image in its repository: a signature, an attestation, an SBOM.',
  fields: (t) => ({
    digest: t.expose('digest', { type: 'Digest', description: 'Digest of its manifest.' }),
    kind: t.field({ type: ReferrerKindEnum, description: 'What it is.', resolve: ({ kind }) => kind }),
    artifactType: t.exposeString('artifactType', {
      nullable: true,
      description: 'What it is by its own account, a media type; null where it does not say.',
    }),
    predicateTypes: t.exposeStringList('predicateTypes', {
      description:
        'What is attested, as URIs: `https://slsa.dev/provenance/v1`, `https://spdx.dev/Document`. Empty for what is no attestation, or does not say.',
    }),
    mediaType: t.exposeString('mediaType', { description: 'Media type of its manifest.' }),
    size: t.expose('size', { type: 'BigInt', description: 'Bytes of its manifest.' }),
    annotations: t.field({
      type: [KeyValueType],
      description: 'What is noted of it where it is listed; long notes are left out.',
      resolve: ({ annotations }) => Object.entries(annotations).map(([key, value]) => ({ key, value })),
    }),
    created: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was made, as its annotation says; null where that is not told.',
      resolve: ({ annotations }) => parseCreated(annotations['org.opencontainers.image.created'])?.getTime(),
    }),
    pullSpec: t.string({
      description: 'What to pull it by, with `oras pull` say: `registry/repository@sha256:…`.',
      resolve: ({ image, digest }) => pullSpecByDigest(image.repository, digest),
    }),
    tag: t.exposeString('tag', {
      nullable: true,
      description: 'Cosign’s tag for it; null where it was found otherwise.',
    }),
    source: t.field({
      type: ReferrerSourceEnum,
      description: 'Where it is said that it is attached.',
      resolve: ({ source }) => source,
    }),
    isConfirmed: t.exposeBoolean('isConfirmed', {
      description:
        'Whether its manifest was read: it is there, and about this image. False where only a list says so.',
    }),
  }),
})
