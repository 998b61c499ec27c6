import type { Database } from '../../db/open.ts'
import type {
  blobs,
  images,
  repositories,
  repositoryBlobs,
  repositoryManifests,
} from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import type { RepositoryName } from '../protocol/repository-name.ts'

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
    'repositoryId' | 'digest' | 'imageId' | 'subject' | 'artifactType' | 'source'
  > {
  readonly insecure: boolean
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

/** Repositories and the blobs and manifests that they may serve. Writes take the open transaction. */
export interface Content {
  repository(name: RepositoryName): Repository | undefined
  /** Returns the repository, and creates it if it does not exist. */
  ensureRepository(tx: Transaction, name: RepositoryName, at: number): Repository
  /** Sets the repository's stream; deleting the stream then deletes the repository. */
  setStream(tx: Transaction, repositoryId: number, streamId: number): void

  /** Undefined also for a blob that only other repositories have. */
  blob(repositoryId: number, digest: Digest): LinkedBlob | undefined
  /** Links a blob of the store to the repository, and confirms it. */
  linkBlob(tx: Transaction, link: NewBlobLink): void
  /** Returns false if the repository did not have the blob. */
  unlinkBlob(tx: Transaction, repositoryId: number, digest: Digest): boolean
  /** Returns the repositories that have the blob, by name. */
  repositoriesOfBlob(digest: Digest): readonly Repository[]

  manifest(repositoryId: number, digest: Digest): LinkedManifest | undefined
  /** Returns the manifest that the tag points to; undefined if the repository does not have it. */
  manifestOfTag(repository: Repository, tag: TagName): LinkedManifest | undefined
  manifestBytes(imageId: number): Uint8Array
  /** Returns the bytes of a stored image config, whether or not a repository has its blob. */
  configBytes(digest: Digest): Uint8Array | undefined
  addManifest(tx: Transaction, manifest: NewManifest): void
  /** Returns false if the repository did not have the manifest. */
  removeManifest(tx: Transaction, repositoryId: number, digest: Digest): boolean

  /** Records that the registry confirmed the content to a client. Returns false if the repository no longer has it. */
  confirmBlob(tx: Transaction, repositoryId: number, digest: Digest, at: number): boolean
  confirmManifest(tx: Transaction, repositoryId: number, digest: Digest, at: number): boolean
}

const REPOSITORY = 'r.id, r.namespace, r.name, r.stream_id as streamId'
const MANIFEST = `m.digest, m.image_id as imageId, i.media_type as mediaType, m.confirmed_at as confirmedAt
  from repository_manifests m join images i on i.id = m.image_id`

export function createContent(db: Database): Content {
  const repository = db.prepare<Repository>(
    `select ${REPOSITORY} from repositories r where r.namespace = ? and r.name = ?`,
  )
  const addRepository = db.prepare('insert into repositories (namespace, name, created_at) values (?, ?, ?)')
  const setStream = db.prepare('update repositories set stream_id = ? where id = ? and stream_id is not ?')
  const blob = db.prepare<LinkedBlob>(
    `select b.size, l.confirmed_at as confirmedAt from repository_blobs l join blobs b on b.digest = l.digest
     where l.repository_id = ? and l.digest = ?`,
  )
  const addBlob = db.prepare('insert or ignore into blobs (digest, size, stored_at) values (?, ?, ?)')
  const linkBlob = db.prepare(
    `insert into repository_blobs (repository_id, digest, confirmed_at) values (?, ?, ?)
     on conflict do update set confirmed_at = max(confirmed_at, excluded.confirmed_at)`,
  )
  const unlinkBlob = db.prepare('delete from repository_blobs where repository_id = ? and digest = ?')
  const repositoriesOfBlob = db.prepare<Repository>(
    `select ${REPOSITORY} from repository_blobs l join repositories r on r.id = l.repository_id
     where l.digest = ? order by r.namespace, r.name`,
  )
  const manifest = db.prepare<LinkedManifest>(`select ${MANIFEST} where m.repository_id = ? and m.digest = ?`)
  const manifestOfTag = db.prepare<LinkedManifest>(
    `select ${MANIFEST} where m.repository_id = ? and m.digest = (select i.digest from tags t
       join images i on i.id = t.newest_image_id where t.stream_id = ? and t.name = ?)`,
  )
  const bytes = db.prepare<{ bytes: Uint8Array }>('select manifest as bytes from images where id = ?')
  const config = db.prepare<{ bytes: Uint8Array }>('select bytes from image_configs where digest = ?')
  const addManifest = db.prepare(
    `insert into repository_manifests (repository_id, digest, image_id, subject, artifact_type, source, insecure,
       pushed_at, confirmed_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)
     on conflict do update set confirmed_at = max(confirmed_at, excluded.confirmed_at),
       source = case when source is null then null else excluded.source end`,
  )
  const addReference = db.prepare(
    'insert or ignore into manifest_references (image_id, digest) values (?, ?)',
  )
  const removeManifest = db.prepare('delete from repository_manifests where repository_id = ? and digest = ?')
  const confirmBlob = db.prepare(
    'update repository_blobs set confirmed_at = max(confirmed_at, ?) where repository_id = ? and digest = ?',
  )
  const confirmManifest = db.prepare(
    'update repository_manifests set confirmed_at = max(confirmed_at, ?) where repository_id = ? and digest = ?',
  )

  return {
    repository: ({ namespace, name }) => repository.get(namespace, name),
    ensureRepository(_tx, { namespace, name }, at) {
      const known = repository.get(namespace, name)
      return known ?? { id: addRepository.insert(namespace, name, at), namespace, name, streamId: null }
    },
    setStream: (_tx, repositoryId, streamId) => void setStream.run(streamId, repositoryId, streamId),

    blob: (repositoryId, digest) => blob.get(repositoryId, digest),
    linkBlob(_tx, { repositoryId, digest, size, at }) {
      addBlob.run(digest, size, at)
      linkBlob.run(repositoryId, digest, at)
    },
    unlinkBlob: (_tx, repositoryId, digest) => unlinkBlob.run(repositoryId, digest).changes > 0,
    repositoriesOfBlob: (digest) => repositoriesOfBlob.all(digest),

    manifest: (repositoryId, digest) => manifest.get(repositoryId, digest),
    manifestOfTag: ({ id, streamId }, tag) => manifestOfTag.get(id, streamId, tag),
    manifestBytes: (imageId) => bytes.get(imageId)?.bytes ?? new Uint8Array(),
    configBytes: (digest) => config.get(digest)?.bytes,
    addManifest(_tx, { repositoryId, digest, imageId, references, at, ...columns }) {
      const { subject, artifactType, source, insecure } = columns
      addManifest.run(repositoryId, digest, imageId, subject, artifactType, source, insecure ? 1 : 0, at, at)
      for (const reference of references) addReference.run(imageId, reference)
    },
    removeManifest: (_tx, repositoryId, digest) => removeManifest.run(repositoryId, digest).changes > 0,

    confirmBlob: (_tx, repositoryId, digest, at) => confirmBlob.run(at, repositoryId, digest).changes > 0,
    confirmManifest: (_tx, repositoryId, digest, at) =>
      confirmManifest.run(at, repositoryId, digest).changes > 0,
  }
}
