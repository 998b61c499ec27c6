import type {
  CollectionPlan,
  KeptManifest,
  ManifestPosition,
  PlannedManifest,
} from '../../collect/blobs/plan.ts'
import type { Digest } from '../../oci/digest.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { ImageType } from '../kit/types.ts'

const KeptReasonEnum = builder.enumType('KeptReason', {
  description: 'Why a manifest stays in its repository.',
  values: {
    TAGGED: { description: 'A tag means it.' },
    IN_HISTORY: { description: 'It is one of a tag’s newest images, of which the settings keep some.' },
    TAGGED_ELSEWHERE: { description: 'A tag of another stream means it, and has it from this repository.' },
    CHILD: { description: 'An index that stays has it.' },
    REFERRER: { description: 'It is about a manifest that stays: a signature, say.' },
    YOUNG: { description: 'It was pushed, or a client was told that it is there, a short while ago.' },
    UNTAGGED_KEPT: { description: 'No tag means it, and the settings keep such images for good.' },
  } as const,
})

const PlannedManifestType = builder.objectRef<PlannedManifest | KeptManifest>('PlannedManifest').implement({
  description: 'A manifest of a repository, and what a collection would do with it.',
  fields: (t) => ({
    repository: t.string({
      description: 'Its repository: `namespace/name`.',
      resolve: ({ repository: { namespace, name } }) => `${namespace}/${name}`,
    }),
    digest: t.field({ type: 'Digest', description: 'Its digest.', resolve: ({ digest }) => digest }),
    image: t.field({
      type: ImageType,
      nullable: true,
      description: 'The image, which stays known when its content goes.',
      resolve: ({ digest }, _args, { images }) => images.byDigest(digest),
    }),
    pushedAt: t.field({
      type: 'DateTime',
      description: 'When it was pushed, or first pulled through.',
      resolve: ({ pushedAt }) => pushedAt,
    }),
    keptBecause: t.field({
      type: KeptReasonEnum,
      nullable: true,
      description: 'Why it stays; null for one that would go.',
      resolve: (manifest) => ('kept' in manifest ? manifest.kept.reason : null),
    }),
    keptBy: t.string({
      nullable: true,
      description: 'What it stays for: the tag, or the digest of the manifest above it.',
      resolve: (manifest) => {
        if (!('kept' in manifest)) return null
        const { kept } = manifest
        if ('tag' in kept) return kept.tag
        return 'of' in kept ? kept.of : null
      },
    }),
  }),
})

interface Listing {
  readonly total: number
  readonly items: readonly (PlannedManifest | KeptManifest)[]
  readonly endCursor: string | null
}

const PlannedManifestsType = builder.objectRef<Listing>('PlannedManifests').implement({
  description: 'Manifests of a plan, by repository and digest.',
  fields: (t) => ({
    totalCount: t.exposeInt('total', { description: 'How many there are in all.' }),
    nodes: t.field({
      type: [PlannedManifestType],
      description: 'As many of them as were asked for.',
      resolve: ({ items }) => items,
    }),
    endCursor: t.exposeString('endCursor', {
      nullable: true,
      description: 'Where the list goes on, for the next dry run’s input; null on an empty list.',
    }),
  }),
})

const PlannedBlobType = builder.objectRef<CollectionPlan['blobs']['items'][number]>('PlannedBlob').implement({
  description: 'A blob that would go.',
  fields: (t) => ({
    digest: t.field({ type: 'Digest', description: 'Its digest.', resolve: ({ digest }) => digest }),
    size: t.field({ type: 'BigInt', description: 'How many bytes it has.', resolve: ({ size }) => size }),
  }),
})

const PlannedBlobsType = builder.objectRef<CollectionPlan['blobs']>('PlannedBlobs').implement({
  description: 'Blobs of a plan, by digest.',
  fields: (t) => ({
    totalCount: t.exposeInt('total', { description: 'How many there are in all.' }),
    nodes: t.field({
      type: [PlannedBlobType],
      description: 'As many of them as were asked for.',
      resolve: ({ items }) => items,
    }),
    endCursor: t.string({
      nullable: true,
      description: 'Where the list goes on, for the next dry run’s input; null on an empty list.',
      resolve: ({ items }) => items.at(-1)?.digest,
    }),
  }),
})

const positions = keyCursors<ManifestPosition>(
  'planned manifests',
  ({ repositoryId, digest }) => [repositoryId, digest],
  ['number', 'string'],
)

const listing = ({ total, items }: CollectionPlan['manifests'] | CollectionPlan['kept']): Listing => {
  const last = items.at(-1)
  return { total, items, endCursor: last ? positions.encode(last) : null }
}

/** Where a list of manifests goes on. Throws InvalidInputError, which names the field. */
export function manifestPosition(
  cursor: string | null | undefined,
  field: string,
): ManifestPosition | undefined {
  if (cursor == null) return undefined
  const [repositoryId, digest] = positions.decode(cursor, field)
  return { repositoryId: Number(repositoryId), digest: digest as Digest }
}

export const CollectionPlanType = builder.objectRef<CollectionPlan>('CollectionPlan').implement({
  description: 'What a collection would do now.',
  fields: (t) => ({
    manifests: t.field({
      type: PlannedManifestsType,
      description: 'Manifests that would go.',
      resolve: ({ manifests }) => listing(manifests),
    }),
    kept: t.field({
      type: PlannedManifestsType,
      description: 'Manifests that stay, each with the reason.',
      resolve: ({ kept }) => listing(kept),
    }),
    blobs: t.field({
      type: PlannedBlobsType,
      description: 'Blobs that no repository would have any more.',
      resolve: ({ blobs }) => blobs,
    }),
    strayFiles: t.int({
      description: 'Files that a crash left behind.',
      resolve: ({ strays }) => strays.total,
    }),
    uploads: t.int({
      description: 'Uploads that have been given up.',
      resolve: ({ uploads }) => uploads.total,
    }),
    bytes: t.field({
      type: 'BigInt',
      description: 'Bytes of disk that would come back.',
      resolve: ({ bytes }) => bytes,
    }),
  }),
})
