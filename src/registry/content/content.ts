import { quotaGuardOf } from '../../access/quota/quota-guard.ts'
import type { Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import { probes } from '../../db/search.ts'
import type {
  blobs,
  imageConfigs,
  images,
  repositories,
  repositoryBlobs,
  repositoryManifests,
} from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { columnsOfStream, visibleStreams } from '../../db/visible-places.ts'
import type { Digest } from '../../oci/digest.ts'
import { intact } from '../../oci/intact.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import { isNamed } from './repository-names.ts'

/** A repository of the integrated registry; `streamId` is null until it has a manifest. */
export type Repository = Pick<typeof repositories.$inferSelect, 'id' | 'namespace' | 'name' | 'streamId'>

/** A blob that a repository may serve; `confirmedAt` is when the registry last confirmed it to a client. */
export type LinkedBlob = Pick<typeof blobs.$inferSelect, 'size'> &
  Pick<typeof repositoryBlobs.$inferSelect, 'confirmedAt'>

/** A manifest that a repository may serve; `confirmedAt` is when the registry last confirmed it to a client. */
export type LinkedManifest = Pick<
  typeof repositoryManifests.$inferSelect,
  'digest' | 'imageId' | 'confirmedAt'
> &
  Pick<typeof images.$inferSelect, 'mediaType'>

/** A manifest to link to a repository; `source` is null for a pushed manifest. */
export interface NewManifest
  extends Pick<
    typeof repositoryManifests.$inferSelect,
    'repositoryId' | 'digest' | 'imageId' | 'subject' | 'artifactType' | 'source' | 'insecure'
  > {
  /** Distinct digests of the config, layers and children. */
  readonly references: readonly Digest[]
  /** Milliseconds since 1970. */
  readonly at: number
}

/** A blob of the store to link to a repository. */
export interface NewBlobLink {
  readonly repositoryId: number
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly at: number
}

type StoredBytes = typeof imageConfigs.$inferSelect

const intactOf = (stored: StoredBytes | undefined): Uint8Array | undefined =>
  stored && intact(stored.digest, stored.bytes)

/** Repositories and the blobs and manifests that they may serve. Writes take the open transaction. */
export type Content = ReturnType<typeof createContent>

/** Repositories of a blob that are looked at: a common one, such as an empty config, can be in all. */
const MAX_LINKS = 1_000
/** Repositories of a blob that are read. */
const MAX_SOURCES = 100

const REPOSITORY = 'r.id, r.namespace, r.name, r.stream_id as streamId'
const MANIFEST = `m.digest, m.image_id as imageId, i.media_type as mediaType, m.confirmed_at as confirmedAt
  from repository_manifests m join images i on i.id = m.image_id`

function prepareStatements(db: Database) {
  return {
    repository: db.prepare<Repository>(
      `select ${REPOSITORY} from repositories r where r.namespace = ? and r.name = ?`,
    ),
    hasStream: db.prepare(
      'select 1 as found from image_streams where namespace = ? and name = ? and deleted_at is null',
    ),
    withoutStream: db.prepare<{ total: number }>(
      'select count(*) as total from repositories where namespace = ? and stream_id is null',
    ),
    addRepository: db.prepare('insert into repositories (namespace, name, created_at) values (?, ?, ?)'),
    setStream: db.prepare('update repositories set stream_id = ? where id = ? and stream_id is not ?'),
    blob: db.prepare<LinkedBlob>(
      `select b.size, l.confirmed_at as confirmedAt from repository_blobs l join blobs b on b.digest = l.digest
       where l.repository_id = ? and l.digest = ?`,
    ),
    addBlob: db.prepare('insert or ignore into blobs (digest, size, stored_at) values (?, ?, ?)'),
    linkBlob: db.prepare(
      `insert into repository_blobs (repository_id, digest, confirmed_at) values (?, ?, ?)
       on conflict do update set confirmed_at = max(confirmed_at, excluded.confirmed_at)`,
    ),
    namespace: db.prepare<Pick<Repository, 'namespace'>>('select namespace from repositories where id = ?'),
    isHeld: db.prepare(
      `select 1 as found from repository_blobs l cross join repositories r on r.id = l.repository_id
       where l.digest = ? and r.namespace = ? limit 1`,
    ),
    isManifestHeld: db.prepare(
      `select 1 as found from repository_manifests m cross join repositories r on r.id = m.repository_id
       where m.image_id = ? and r.namespace = ? limit 1`,
    ),
    manifestSize: db.prepare<{ size: number }>('select length(manifest) as size from images where id = ?'),
    unlinkBlob: db.prepare('delete from repository_blobs where repository_id = ? and digest = ?'),
    manifest: db.prepare<LinkedManifest>(`select ${MANIFEST} where m.repository_id = ? and m.digest = ?`),
    manifestOfTag: db.prepare<LinkedManifest>(
      `select ${MANIFEST} where m.repository_id = ? and m.digest = (select i.digest from tags t
         join images i on i.id = t.newest_image_id where t.stream_id = ? and t.name = ?)`,
    ),
    isPushed: db.prepare(
      'select 1 as found from repository_manifests where repository_id = ? and digest = ? and source is null',
    ),
    repositoryOfImage: db.prepare<Repository>(
      `select ${REPOSITORY} from repository_manifests m join repositories r on r.id = m.repository_id
       where m.image_id = ? and m.source is null limit 1`,
    ),
    bytes: db.prepare<StoredBytes>('select digest, manifest as bytes from images where id = ?'),
    config: db.prepare<StoredBytes>('select digest, bytes from image_configs where digest = ?'),
    addManifest: db.prepare(
      `insert into repository_manifests (repository_id, digest, image_id, subject, artifact_type, source, insecure,
         pushed_at, confirmed_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)
       on conflict do update set confirmed_at = max(confirmed_at, excluded.confirmed_at),
         source = case when source is null then null else excluded.source end`,
    ),
    addReference: db.prepare('insert or ignore into manifest_references (image_id, digest) values (?, ?)'),
    removeManifest: db.prepare('delete from repository_manifests where repository_id = ? and digest = ?'),
    confirmBlob: db.prepare(
      'update repository_blobs set confirmed_at = max(confirmed_at, ?) where repository_id = ? and digest = ?',
    ),
    confirmManifest: db.prepare(
      'update repository_manifests set confirmed_at = max(confirmed_at, ?) where repository_id = ? and digest = ?',
    ),
  }
}

/** Prepares the statements about content. */
export function createContent(db: Database) {
  const sql = prepareStatements(db)
  const quota = quotaGuardOf(db)
  return {
    repository: ({ namespace, name }: StreamName) => sql.repository.get(namespace, name),
    /**
     * Returns the repository, and creates it if it does not exist; one whose stream comes later needs room in the quota of
     * streams, as all such repositories together. Throws NamespaceRuleError.
     */
    ensureRepository(_tx: Transaction, { namespace, name }: StreamName, at: number): Repository {
      const known = sql.repository.get(namespace, name)
      if (known) return known
      if (!sql.hasStream.get(namespace, name)) {
        quota.require(namespace, 'streams', () => 1 + (sql.withoutStream.get(namespace)?.total ?? 0))
      }
      return { id: sql.addRepository.insert(namespace, name, at), namespace, name, streamId: null }
    },
    /** Sets the repository's stream; deleting the stream then deletes the repository. */
    setStream: (_tx: Transaction, repositoryId: number, streamId: number) =>
      sql.setStream.run(streamId, repositoryId, streamId),

    /**
     * Throws NamespaceRuleError if the quota of the namespace has no room for a blob that is not stored yet, unless it has the
     * blob; `digest` is null where it is not known yet.
     */
    requireRoom(namespace: string, digest: Digest | null, size: number): void {
      const isHeld = digest !== null && sql.isHeld.get(digest, namespace) !== undefined
      if (!isHeld) quota.require(namespace, 'bytes', () => size)
    },

    /** Returns a blob of the repository; undefined also for a blob that only other repositories have. */
    blob: (repositoryId: number, digest: Digest) => sql.blob.get(repositoryId, digest),
    /** Links a blob of the store to the repository, and confirms it. Throws NamespaceRuleError. */
    linkBlob(tx: Transaction, { repositoryId, digest, size, at }: NewBlobLink): void {
      const { namespace = '' } = sql.namespace.get(repositoryId) ?? {}
      quota.take(tx, namespace, 'bytes', () => (sql.isHeld.get(digest, namespace) ? 0 : size))
      sql.addBlob.run(digest, size, at)
      sql.linkBlob.run(repositoryId, digest, at)
    },
    /** Returns false if the repository did not have the blob. */
    unlinkBlob: (_tx: Transaction, repositoryId: number, digest: Digest) =>
      sql.unlinkBlob.run(repositoryId, digest).changes > 0,
    /**
     * Returns a repository that has the blob and that the viewer may pull from, not of a deleted stream. Undefined also
     * where one exists, and too many others have the blob.
     */
    readableSource({ rights }: Viewer, digest: Digest): Repository | undefined {
      const { where, values } = probes(visibleStreams(rights, columnsOfStream('r')))
      const criteria = [isNamed('r.name'), ...where].join(' and ')
      return db
        .prepare<Repository>(
          `select ${REPOSITORY} from (select repository_id from repository_blobs where digest = ? limit ${MAX_LINKS}) l
             cross join repositories r on r.id = l.repository_id
           where ${criteria} limit ${MAX_SOURCES}`,
        )
        .all(digest, ...values)
        .find((repository) => rights.may('pull', repository))
    },

    manifest: (repositoryId: number, digest: Digest) => sql.manifest.get(repositoryId, digest),
    /** Returns the manifest that the tag points to; undefined if the repository does not have it. */
    manifestOfTag: ({ id, streamId }: Repository, tag: TagName) => sql.manifestOfTag.get(id, streamId, tag),
    /** Reports whether the repository has the manifest from a push, and not from another registry. */
    isPushed: (repositoryId: number, digest: Digest): boolean =>
      sql.isPushed.get(repositoryId, digest) !== undefined,
    /** Returns a repository to which the manifest was pushed, or copied from one to which it was. */
    repositoryOfImage: (imageId: number) => sql.repositoryOfImage.get(imageId),
    /** Returns the exact bytes; none of an image that was removed. Throws DamagedContentError. */
    manifestBytes: (imageId: number): Uint8Array => intactOf(sql.bytes.get(imageId)) ?? new Uint8Array(),
    /** Returns the bytes of a stored image config, whether or not a repository has its blob. Throws DamagedContentError. */
    configBytes: (digest: Digest) => intactOf(sql.config.get(digest)),
    /** Links a manifest to the repository. Throws NamespaceRuleError. */
    addManifest(tx: Transaction, { imageId, references, at, ...manifest }: NewManifest): void {
      const { repositoryId, digest, subject, artifactType, source, insecure } = manifest
      const { namespace = '' } = sql.namespace.get(repositoryId) ?? {}
      quota.take(tx, namespace, 'bytes', () =>
        sql.isManifestHeld.get(imageId, namespace) ? 0 : (sql.manifestSize.get(imageId)?.size ?? 0),
      )
      sql.addManifest.run(repositoryId, digest, imageId, subject, artifactType, source, insecure, at, at)
      for (const reference of references) sql.addReference.run(imageId, reference)
    },
    /** Returns false if the repository did not have the manifest. */
    removeManifest: (_tx: Transaction, repositoryId: number, digest: Digest) =>
      sql.removeManifest.run(repositoryId, digest).changes > 0,

    /** Records that the registry confirmed the blob to a client. Returns false if the repository no longer has it. */
    confirmBlob: (_tx: Transaction, repositoryId: number, digest: Digest, at: number) =>
      sql.confirmBlob.run(at, repositoryId, digest).changes > 0,
    /** Records that the registry confirmed the manifest to a client. Returns false if the repository no longer has it. */
    confirmManifest: (_tx: Transaction, repositoryId: number, digest: Digest, at: number) =>
      sql.confirmManifest.run(at, repositoryId, digest).changes > 0,
  }
}
