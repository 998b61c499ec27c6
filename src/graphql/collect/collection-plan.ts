import type {
  CollectionPlan,
  KeptManifest,
  ManifestPosition,
  PlannedManifest,
} from '../../collect/blobs/plan.ts'
import type { Digest } from '../../oci/digest.ts'
import { keyCursors } from '../kit/connection.ts'
import { ImageType } from '../kit/references.ts'
import { enumType, objectType } from '../kit/types.ts'
import { type ReportList, reportList, reportListType } from './report-list.ts'

const KeptReasonEnum = enumType('KeptReason', {
  description: 'Reason why a garbage collection keeps a manifest in its repository.',
  values: {
    TAGGED: 'A tag points to the manifest.',
    IN_HISTORY: 'The manifest is one of the newest images of a tag that the server’s settings keep.',
    TAGGED_ELSEWHERE:
      'The pull spec of another image stream’s tag names the manifest in this repository, because that tag was imported from it.',
    CHILD: 'An index that is kept lists the manifest.',
    REFERRER: 'The manifest refers to a manifest that is kept, for example as a signature.',
    YOUNG: 'The manifest was pushed, or reported to a client as existing, a short time ago.',
    UNTAGGED_KEPT: 'No tag points to the manifest, and the server’s settings keep untagged manifests.',
  },
})

const PlannedManifestType = objectType<PlannedManifest | KeptManifest>('PlannedManifest', {
  description:
    'A manifest of a repository, with the reason why a garbage collection keeps the manifest, if any.',
  properties: (t) => ({
    digest: t.digest('Digest of the manifest.'),
    pushedAt: t.dateTime('Time at which the manifest was pushed, or first pulled through.'),
  }),
  fields: (t) => ({
    repository: t.string({
      description: 'Repository of the manifest as `namespace/name`: the namespace ends at the first slash.',
      resolve: ({ repository: { namespace, name } }) => `${namespace}/${name}`,
    }),
    image: t.field({
      type: ImageType,
      nullable: true,
      description:
        'Image of the manifest; null if the server has no record of the image. The record remains when the content is removed.',
      resolve: ({ digest }, _args, { images }) => images.byDigest(digest),
    }),
    keptBecause: t.field({
      type: KeptReasonEnum,
      nullable: true,
      description: 'Reason why the manifest is kept; null if the manifest would be removed.',
      resolve: (manifest) => ('kept' in manifest ? manifest.kept.reason : null),
    }),
    keptBy: t.string({
      nullable: true,
      description:
        'Name of the tag, or digest of the other manifest, because of which the manifest is kept; null for other reasons and if the manifest would be removed.',
      resolve: (manifest) => {
        if (!('kept' in manifest)) return null
        const { kept } = manifest
        if ('tag' in kept) return kept.tag
        return 'of' in kept ? kept.of : null
      },
    }),
  }),
})

const PlannedManifestsType = reportListType('PlannedManifests', PlannedManifestType, {
  items: 'manifests',
  description: 'Manifests of a garbage collection plan, ordered by repository and digest.',
})

type PlannedBlob = CollectionPlan['blobs']['items'][number]

const PlannedBlobType = objectType<PlannedBlob>('PlannedBlob', {
  description: 'A blob that a garbage collection would remove.',
  properties: (t) => ({
    digest: t.digest('Digest of the blob.'),
    size: t.bigInt('Size of the blob in bytes.'),
  }),
})

const PlannedBlobsType = reportListType('PlannedBlobs', PlannedBlobType, {
  items: 'blobs',
  description: 'Blobs of a garbage collection plan, ordered by digest.',
})

const positions = keyCursors<ManifestPosition>(
  'planned manifests',
  ({ repositoryId, digest }) => [repositoryId, digest],
  ['number', 'string'],
)

/** Returns the position of a cursor in a list of manifests. Throws InvalidInputError, with this `field`. */
export function manifestPosition(
  cursor: string | null | undefined,
  field: string,
): ManifestPosition | undefined {
  if (cursor == null) return undefined
  const [repositoryId, digest] = positions.decode(cursor, field)
  return { repositoryId: Number(repositoryId), digest: digest as Digest }
}

const manifestList = (
  list: CollectionPlan['manifests'] | CollectionPlan['kept'],
): ReportList<PlannedManifest | KeptManifest> =>
  reportList<PlannedManifest | KeptManifest>(list, positions.encode)

export const CollectionPlanType = objectType<CollectionPlan>('CollectionPlan', {
  description: 'What a garbage collection would remove now, and what it would keep.',
  properties: (t) => ({
    bytes: t.bigInt('Disk space in bytes that the garbage collection would free.'),
  }),
  fields: (t) => ({
    manifests: t.field({
      type: PlannedManifestsType,
      description: 'Manifests that would be removed.',
      resolve: ({ manifests }) => manifestList(manifests),
    }),
    kept: t.field({
      type: PlannedManifestsType,
      description: 'Manifests that would be kept, each with the reason.',
      resolve: ({ kept }) => manifestList(kept),
    }),
    blobs: t.field({
      type: PlannedBlobsType,
      description: 'Blobs that would be removed because no repository would contain them.',
      resolve: ({ blobs }) => reportList(blobs, ({ digest }) => digest),
    }),
    strayFiles: t.int({
      description: 'Number of files left over from a crash of the server.',
      resolve: ({ strays }) => strays.total,
    }),
    uploads: t.int({
      description: 'Number of abandoned blob uploads that would be removed.',
      resolve: ({ uploads }) => uploads.total,
    }),
  }),
})
