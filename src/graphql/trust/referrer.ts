import type { ImageLocation } from '../../imagestream/tag/image-locations.ts'
import { isDigest } from '../../oci/digest.ts'
import { parseCreated } from '../../oci/image-config.ts'
import {
  formatRepository,
  InvalidReferenceError,
  parseReference,
  pullSpecByDigest,
  type Reference,
} from '../../oci/reference.ts'
import type { Referrer } from '../../trust/referrer/referrer.ts'
import { builder } from '../kit/builder.ts'
import { NodeInterface, nodeId, registerNode } from '../kit/node.ts'
import { KeyValueType } from '../kit/references.ts'
import { enumType, objectType } from '../kit/types.ts'

/** A referrer, with the image in the repository where it was found. */
export interface PlacedReferrer extends Referrer {
  readonly image: ImageLocation
}

export const ReferrerKindEnum = enumType('ReferrerKind', {
  description: 'Kind of an artifact that refers to an image.',
  values: {
    SIGNATURE: 'A cosign or notation signature of the image.',
    ATTESTATION: 'A signed statement about the image, for example about its build.',
    SBOM: 'A software bill of materials in SPDX, CycloneDX or Syft format, signed or not.',
    OTHER: 'Another artifact; `artifactType` contains its type.',
  },
})

const ReferrerSourceEnum = enumType('ReferrerSource', {
  description: 'Source from which a referrer is known.',
  values: {
    API: 'The registry’s referrers API.',
    TAG: 'The referrers tag `sha256-…`, which clients maintain if the registry has no referrers API.',
    COSIGN_TAG: 'A tag of cosign: `sha256-….sig`, `.att` or `.sbom`.',
    INDEX: 'The image itself, an index with attestations from BuildKit.',
  },
})

/** The key of an id: the repository as the namespace reads it, the image and the artifact. */
const keyOf = ({ image: { repository, digest: subject }, digest }: PlacedReferrer): string =>
  [repository.namespace ?? '', formatRepository(repository), subject, digest].join(' ')

registerNode('Referrer', {
  load: (key, { viewer, trust }) => {
    const [namespace, name = '', subject, digest] = key.split(' ')
    const repository = parseRepository(name)
    if (!repository || !isDigest(subject) || !isDigest(digest)) return undefined
    const image = {
      digest: subject,
      repository: { ...repository, namespace: namespace || null, insecure: false },
    }
    if (!trust.locations.isSeen(viewer, image)) return undefined
    const known = trust.referrers.known(image, digest)
    return known && { ...known, image }
  },
  access: 'load',
})

/** Returns the repository; undefined for text that names none. */
function parseRepository(text: string): Pick<Reference, 'registry' | 'repository'> | undefined {
  try {
    const { registry, repository } = parseReference(text)
    return { registry, repository }
  } catch (error) {
    if (error instanceof InvalidReferenceError) return undefined
    throw error
  }
}

export const ReferrerType = builder.objectRef<PlacedReferrer>('Referrer')
objectType(ReferrerType, {
  description:
    'An artifact in the image’s repository that refers to the image: a signature, an attestation or an SBOM.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    digest: t.digest('Digest of the artifact’s manifest.'),
    kind: t.one(ReferrerKindEnum, 'Kind of the artifact.'),
    artifactType: t.stringOrNull(
      'Media type that the artifact declares as its type; null if it declares none.',
    ),
    predicateTypes: t.strings(
      'Predicate types of an attestation as URIs, for example `https://slsa.dev/provenance/v1` or `https://spdx.dev/Document`. At most one for each of the first 50 layers, and one for the manifest. Empty if the artifact is not an attestation or declares none.',
    ),
    mediaType: t.string('Media type of the artifact’s manifest.'),
    size: t.bigInt('Size of the artifact’s manifest in bytes.'),
    tag: t.stringOrNull('Cosign tag of the artifact; null if its source is not `COSIGN_TAG`.'),
    source: t.one(ReferrerSourceEnum, 'Source from which the artifact is known.'),
    isConfirmed: t.boolean(
      'Whether the artifact’s manifest was read, exists and refers to the image. False if only a list contains the artifact.',
    ),
  }),
  fields: (t) => ({
    id: t.id({
      description:
        'Global identifier of the artifact as a referrer of this image in this repository, read with the credentials of one namespace or of the server. `node(id:)` returns it from earlier responses of the registry, without a request.',
      resolve: (referrer) => nodeId('Referrer', keyOf(referrer)),
    }),
    annotations: t.field({
      type: [KeyValueType],
      description:
        'Annotations of the artifact in the list that contains it; at most 16 KiB of text, longer ones are omitted.',
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
  }),
})
