import type { GarbageCollectionPlan } from '../../collect/blobs/plan.ts'
import type {
  CollectionTotals,
  KeptManifest,
  ManifestPosition,
  PlannedManifest,
} from '../../collect/blobs/report.ts'
import type { StoredBlob } from '../../collect/blobs/stored-blobs.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { enumType, objectType } from '../kit/types.ts'
import { countsByReason, listOfPlan, PLAN_COMPLEXITY, planOfOperation } from './plan.ts'
import { recordedImage } from './recorded-image.ts'

const KeptManifestReasonEnum = enumType('KeptManifestReason', {
  description: 'Reason why a garbage collection keeps a manifest in its repository.',
  values: {
    TAGGED: 'A tag points to the manifest.',
    IN_HISTORY: 'The manifest is one of the newest images of a tag that the server’s settings keep.',
    RUNNING:
      'A workload of a cluster runs or specifies the manifest, or did so when the cluster could last be reached.',
    TAGGED_ELSEWHERE:
      'The pull spec of another image stream’s tag contains the manifest in this repository, because that tag was imported from it.',
    CHILD: 'An index that is kept lists the manifest.',
    REFERRER: 'The manifest refers to a manifest that is kept, for example as a signature.',
    YOUNG: 'The manifest was pushed, or reported to a client as existing, a short time ago.',
    UNTAGGED_KEPT: 'No tag points to the manifest, and the server’s settings keep untagged manifests.',
  },
})

const MANIFEST = 'A manifest of a repository that a garbage collection would'
const REPOSITORY = 'Repository of the manifest as `namespace/name`: the namespace ends at the first slash.'
const DIGEST = 'Digest of the manifest.'
const PUSHED_AT = 'Time at which the manifest was pushed, or first pulled through.'
const IMAGE =
  'Image of the manifest; null if the server has no record of the image. The record remains when the content is removed.'

const repositoryOf = ({ repository: { namespace, name } }: PlannedManifest): string => `${namespace}/${name}`

const PlannedManifestType = builder.objectRef<PlannedManifest>('PlannedManifest')
objectType(PlannedManifestType, {
  description: `${MANIFEST} remove.`,
  properties: (t) => ({ digest: t.digest(DIGEST), pushedAt: t.dateTime(PUSHED_AT) }),
  fields: (t) => ({
    repository: t.string({ description: REPOSITORY, resolve: repositoryOf }),
    image: t.field(recordedImage(IMAGE)),
  }),
})

const KeptManifestType = builder.objectRef<KeptManifest>('KeptManifest')
objectType(KeptManifestType, {
  description: `${MANIFEST} keep, with the reason.`,
  properties: (t) => ({ digest: t.digest(DIGEST), pushedAt: t.dateTime(PUSHED_AT) }),
  fields: (t) => ({
    repository: t.string({ description: REPOSITORY, resolve: repositoryOf }),
    image: t.field(recordedImage(IMAGE)),
    reason: t.field({
      type: KeptManifestReasonEnum,
      description: 'Reason why the manifest is kept.',
      resolve: ({ kept }) => kept.reason,
    }),
    keptByTag: t.string({
      nullable: true,
      description:
        'Tag because of which the manifest is kept, as `namespace/stream:tag`; null unless the reason is `TAGGED`, `IN_HISTORY` or `TAGGED_ELSEWHERE`.',
      resolve: ({ kept, ...manifest }) => {
        if (!('tag' in kept)) return null
        return kept.reason === 'TAGGED_ELSEWHERE' ? kept.tag : `${repositoryOf(manifest)}:${kept.tag}`
      },
    }),
    keptByDigest: t.field({
      type: 'Digest',
      nullable: true,
      description:
        'Digest of the other manifest of the repository because of which the manifest is kept; null unless the reason is `CHILD` or `REFERRER`.',
      resolve: ({ kept }) => ('of' in kept ? kept.of : null),
    }),
  }),
})

const PlannedBlobType = builder.objectRef<StoredBlob>('PlannedBlob')
objectType(PlannedBlobType, {
  description: 'A blob that a garbage collection would remove.',
  properties: (t) => ({
    digest: t.digest('Digest of the blob.'),
    size: t.bigInt('Size of the blob in bytes.'),
  }),
})

interface KeptManifestCount {
  readonly reason: keyof CollectionTotals['reasons']
  readonly count: number
}

const KeptManifestCountType = objectType<KeptManifestCount>('KeptManifestCount', {
  description: 'Number of manifests that a garbage collection would keep for one reason.',
  properties: (t) => ({
    reason: t.one(KeptManifestReasonEnum, 'Reason why the manifests are kept.'),
  }),
  fields: (t) => ({
    manifestCount: t.exposeInt('count', {
      description: 'Number of manifests that are kept for this reason.',
    }),
  }),
})

const PlannedManifestConnection = connectionType('PlannedManifest', PlannedManifestType, {
  items: 'manifests that would be removed',
})
const KeptManifestConnection = connectionType('KeptManifest', KeptManifestType, {
  items: 'manifests that would be kept',
})
const PlannedBlobConnection = connectionType('PlannedBlob', PlannedBlobType, {
  items: 'blobs that would be removed',
})

const manifestCursors = <Manifest extends ManifestPosition>(kind: string) =>
  keyCursors<Manifest>(kind, ({ repositoryId, digest }) => [repositoryId, digest], ['number', 'string'])
const CURSORS = {
  manifests: manifestCursors<PlannedManifest>('planned manifests'),
  keptManifests: manifestCursors<KeptManifest>('kept manifests'),
  blobs: keyCursors<StoredBlob>('planned blobs', ({ digest }) => [digest], ['string']),
}

export const GarbageCollectionPlanType = objectType<GarbageCollectionPlan>('GarbageCollectionPlan', {
  description:
    'What a garbage collection would remove now, and what it would keep. All selected lists are read together.',
  fields: (t) => ({
    manifests: t.field({
      type: PlannedManifestConnection,
      description: 'Manifests that would be removed, ordered by repository and digest.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: listOfPlan(CURSORS.manifests, (plan: GarbageCollectionPlan) => plan.manifests),
    }),
    keptManifests: t.field({
      type: KeptManifestConnection,
      description: 'Manifests that would be kept, ordered by repository and digest, each with the reason.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: listOfPlan(CURSORS.keptManifests, (plan: GarbageCollectionPlan) => plan.kept),
    }),
    keptManifestCounts: t.field({
      type: [KeptManifestCountType],
      description: 'Number of manifests that would be kept, one item for each value of `KeptManifestReason`.',
      resolve: async (plan) => countsByReason((await plan.totals()).reasons),
    }),
    blobs: t.field({
      type: PlannedBlobConnection,
      description: 'Blobs that would be removed because no repository would contain them, ordered by digest.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: listOfPlan(CURSORS.blobs, (plan: GarbageCollectionPlan) => plan.blobs),
    }),
    strayFileCount: t.int({
      description: 'Number of files left over from a crash of the server, which would be removed.',
      resolve: async (plan) => (await plan.totals()).strays,
    }),
    uploadCount: t.int({
      description: 'Number of abandoned blob uploads that would be removed.',
      resolve: async (plan) => (await plan.totals()).uploads,
    }),
    freedSize: t.field({
      type: 'BigInt',
      description: 'Disk space in bytes that the garbage collection would free.',
      resolve: async (plan) => (await plan.totals()).freedBytes,
    }),
  }),
})

builder.queryField('garbageCollectionPlan', (t) =>
  t.field({
    type: GarbageCollectionPlanType,
    description:
      'Returns what `collectGarbage` would remove from the integrated registry now, and why the rest is kept.',
    access: 'server-admin',
    example: `
      # What collectGarbage would remove now.
      query GarbageCollectionPlan {
        garbageCollectionPlan { freedSize blobs(first: 10) { totalCount nodes { digest size } } }
      }
    `,
    complexity: PLAN_COMPLEXITY,
    resolve: (_query, _args, context) =>
      planOfOperation(context, 'garbageCollectionPlan', () =>
        context.registry.collector.plan(context.viewer),
      ),
  }),
)
