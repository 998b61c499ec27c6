import { SYSTEM } from '../../../src/access/right/viewer.ts'
import type { BlobStore } from '../../../src/blobs/blob-store.ts'
import {
  type Collector,
  type CollectorDependencies,
  createCollector,
} from '../../../src/collect/blobs/collect.ts'
import type { GarbageCollection } from '../../../src/collect/blobs/collections.ts'
import type { KeptManifest, ManifestPosition, PlannedManifest } from '../../../src/collect/blobs/report.ts'
import type { StoredBlob } from '../../../src/collect/blobs/stored-blobs.ts'
import type { CollectionPolicy } from '../../../src/collect/blobs/terms.ts'
import type { Database } from '../../../src/db/open.ts'
import { type Digest, digestOf } from '../../../src/oci/digest.ts'
import { OCI_MANIFEST } from '../../../src/oci/media-types.ts'
import { NO_AUDIT } from '../../fixtures/no-audit.ts'
import type { Content, Image } from '../../fixtures/random-image.ts'
import { openWorld, type World, type WorldOptions } from '../../registry/world.ts'

export const HOUR = 3_600_000
export const DAY = 24 * HOUR

export interface CollectWorldOptions extends WorldOptions {
  /** Default: untagged manifests are kept. */
  readonly policy?: Partial<CollectionPolicy>
  readonly intervalMs?: number
}

/** A registry and its collector; leases and idle uploads last for a day. */
export interface CollectWorld extends World {
  readonly collector: Collector
  /** Another collector, as after a restart, or with other dependencies. */
  collectorOf(changed: Partial<CollectorDependencies>): Collector
  readonly errors: { readonly object: object; readonly message: string }[]
  /** Advances the clock. */
  pass(milliseconds: number): void
  /** Advances the clock past every lease, and runs a collection. */
  collectLater(): Promise<GarbageCollection>
  status(path: string): Promise<number>
  /** All rows and files, each list in order. */
  contents(): Promise<Contents>
}

export interface Contents {
  readonly files: readonly Digest[]
  readonly blobs: readonly Digest[]
  /** `namespace/name digest`. */
  readonly links: readonly string[]
  readonly manifests: readonly string[]
  readonly repositories: readonly string[]
  /** Digests of images that have references. */
  readonly referring: readonly Digest[]
}

export async function openCollectWorld(options: CollectWorldOptions = {}): Promise<CollectWorld> {
  const { policy, intervalMs = null, ...rest } = options
  const world = await openWorld({ ...rest, limits: { lease: DAY, ...rest.limits } })
  const { domain, blobs } = world
  const errors: CollectWorld['errors'] = []
  const dependencies: CollectorDependencies = {
    db: domain.db,
    audit: NO_AUDIT,
    blobs,
    lease: world.limits.lease,
    policy: { untaggedAfter: null, keepTagRevisions: 3, ...policy },
    intervalMs,
    now: () => domain.time,
    log: { error: (object, message) => errors.push({ object, message }) },
  }
  const collectors: Collector[] = []
  const collectorOf: CollectWorld['collectorOf'] = (changed) => {
    const made = createCollector({ ...dependencies, ...changed })
    collectors.push(made)
    return made
  }
  const collector = collectorOf({})
  const column = <Value extends string>(text: string): Value[] =>
    domain.db
      .prepare<{ value: Value }>(text)
      .all()
      .map(({ value }) => value)
  const linked = (table: string): string[] =>
    column(`select r.namespace || '/' || r.name || ' ' || l.digest as value from ${table} l
      join repositories r on r.id = l.repository_id order by value`)
  const pass = (milliseconds: number): void => {
    domain.time += milliseconds
  }
  return {
    ...world,
    collector,
    collectorOf,
    errors,
    pass,
    collectLater() {
      pass(world.limits.lease + 1)
      return collector.collect(SYSTEM)
    },
    status: async (path) => (await world.head(`/v2/${path}`)).status,
    contents: async () => ({
      files: await storedIn(blobs),
      blobs: column('select digest as value from blobs order by digest'),
      links: linked('repository_blobs'),
      manifests: linked('repository_manifests'),
      repositories: column(`select namespace || '/' || name as value from repositories order by value`),
      referring: column(`select distinct i.digest as value from manifest_references r
        join images i on i.id = r.image_id order by i.digest`),
    }),
    async [Symbol.asyncDispose]() {
      await Promise.all(collectors.map((each) => each[Symbol.asyncDispose]()))
      await world[Symbol.asyncDispose]()
    },
  }
}

interface PlanPages {
  /** Items of each list; default 100. */
  readonly limit?: number
  /** Last item of the previous page of each list. */
  readonly after?: {
    readonly manifests?: ManifestPosition | undefined
    readonly kept?: ManifestPosition | undefined
    readonly blobs?: StoredBlob | undefined
  }
}

const keyOf = (manifest: ManifestPosition | undefined) =>
  manifest && ([manifest.repositoryId, manifest.digest] as const)

const listOf = <Item>(total: number, items: Item[]) => ({ total, items })

/** A page of each list of a plan, and its totals. */
export async function planOf(
  collector: Collector,
  { limit = 100, after: { manifests, kept, blobs } = {} }: PlanPages = {},
) {
  const plan = collector.plan(SYSTEM)
  const page = { limit, peek: false }
  const { reasons, ...totals } = await plan.totals()
  const [removed, keptPage, blobPage, ...counts] = await Promise.all([
    plan.manifests.page({ ...page, after: keyOf(manifests) }),
    plan.kept.page({ ...page, after: keyOf(kept) }),
    plan.blobs.page({ ...page, after: blobs && [blobs.digest] }),
    plan.manifests.count(),
    plan.kept.count(),
    plan.blobs.count(),
  ])
  return {
    ...{ ...totals, reasons },
    manifests: listOf<PlannedManifest>(counts[0], removed),
    kept: listOf<KeptManifest>(counts[1], keptPage),
    blobs: listOf<StoredBlob>(counts[2], blobPage),
  }
}

/** The database, with a callback before each transaction. */
export const beforeTransactions = (db: Database, happens: () => void): Database => ({
  ...db,
  transact(write) {
    happens()
    return db.transact(write)
  },
})

/** Digests of the store's files, in order. */
export async function storedIn(blobs: BlobStore): Promise<Digest[]> {
  const digests: Digest[] = []
  for await (const { digest } of blobs.stored()) digests.push(digest)
  return digests.sort()
}

/** Adds a file without a row, as a crash can leave one. */
export async function leaveStray(blobs: BlobStore, text: string): Promise<Digest> {
  const upload = await blobs.createUpload('default/web', 'sha256')
  await upload.append([Buffer.from(text)], { maxSize: 1_000 })
  return upload.commit(digestOf(text), async () => digestOf(text))
}

/** A referrer of another manifest, for example a signature. */
export function referrer(subject: Pick<Content, 'digest' | 'mediaType' | 'bytes'>, seed = ''): Image {
  const content = (mediaType: string, bytes: Buffer): Content => ({
    mediaType,
    bytes,
    digest: digestOf(bytes),
  })
  const config = content('application/vnd.oci.empty.v1+json', Buffer.from('{}'))
  const signature = content(
    'application/vnd.test.signature',
    Buffer.from(`signature ${seed} of ${subject.digest}`),
  )
  const descriptor = ({ mediaType, digest, bytes }: Content) => ({ mediaType, digest, size: bytes.length })
  const document = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    artifactType: 'application/vnd.test.signature',
    config: descriptor(config),
    layers: [descriptor(signature)],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.bytes.length },
  }
  return {
    ...content(OCI_MANIFEST, Buffer.from(JSON.stringify(document))),
    kind: 'image',
    platform: { os: 'unknown', architecture: 'unknown' },
    config,
    layers: [signature],
    annotations: {},
  }
}

/** The store, with some methods replaced. */
export const storeWith = (store: BlobStore, changed: Partial<BlobStore>): BlobStore => ({
  createUpload: (...upload) => store.createUpload(...upload),
  upload: (repository, id) => store.upload(repository, id),
  uploads: () => store.uploads(),
  has: (digest, size) => store.has(digest, size),
  inspect: (digest, size, pace) => store.inspect(digest, size, pace),
  quarantine: (digest, inspection) => store.quarantine(digest, inspection),
  quarantined: () => store.quarantined(),
  uploadsInto: (repository, isWanted) => store.uploadsInto(repository, isWanted),
  unfinishedBytes: (namespace) => store.unfinishedBytes(namespace),
  discardIdle: (namespace, milliseconds) => store.discardIdle(namespace, milliseconds),
  open: (digest) => store.open(digest),
  remove: (digest, isWanted) => store.remove(digest, isWanted),
  stored: () => store.stored(),
  requireSpace: (bytes) => store.requireSpace(bytes),
  ...changed,
})

/** A store whose removals wait until they are released. */
export function holdRemovals(store: BlobStore) {
  let reach: () => void = () => {}
  let release: () => void = () => {}
  const reached = new Promise<void>((resolve) => {
    reach = resolve
  })
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const blobs = storeWith(store, {
    async remove(digest, isWanted) {
      reach()
      await released
      return store.remove(digest, isWanted)
    },
  })
  return { blobs, reached, release }
}
