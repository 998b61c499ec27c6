import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import type { RepositoryName } from '../protocol/repository-name.ts'

export interface Repository extends RepositoryName {
  readonly id: number
  readonly streamId: number | null
}

/** A blob that a repository may serve. */
export interface LinkedBlob {
  /** Bytes. */
  readonly size: number
  /** When a client was last told that it is here; milliseconds since 1970. */
  readonly confirmedAt: number
}

/** A manifest that a repository may serve. */
export interface LinkedManifest {
  readonly digest: Digest
  readonly imageId: number
  readonly mediaType: string
  readonly confirmedAt: number
}

export interface NewManifest {
  readonly repositoryId: number
  readonly digest: Digest
  readonly imageId: number
  readonly subject: Digest | null
  readonly artifactType: string | null
  /** Pull spec of where its content is fetched from on first use; null for what was pushed here. */
  readonly source: string | null
  readonly insecure: boolean
  /** Config, layers and children, each once. */
  readonly references: readonly Digest[]
  readonly at: number
}

/** Which repository has which blobs and manifests: rows, no bytes. What is written asks for the open transaction. */
export interface Content {
  repository(name: RepositoryName): Repository | undefined
  /** The repository, made where there is none. */
  ensureRepository(tx: Transaction, name: RepositoryName, at: number): Repository
  /** The repository's stream, from now on: it goes with it. */
  setStream(tx: Transaction, repositoryId: number, streamId: number): void

  /** Undefined for a blob that only other repositories have. */
  blob(repositoryId: number, digest: Digest): LinkedBlob | undefined
  /** Bytes of a blob in the store, whoever may read it. */
  storedSize(digest: Digest): number | undefined
  /** Links a blob of the store to the repository, and confirms it. */
  linkBlob(tx: Transaction, link: { repositoryId: number; digest: Digest; size: number; at: number }): void
  /** Whether there was one. */
  unlinkBlob(tx: Transaction, repositoryId: number, digest: Digest): boolean
  /** Which repositories have the blob. */
  repositoriesOfBlob(digest: Digest): readonly Repository[]

  manifest(repositoryId: number, digest: Digest): LinkedManifest | undefined
  /** What the tag means now, where that is in the repository. */
  manifestOfTag(repository: Repository, tag: TagName): LinkedManifest | undefined
  manifestBytes(imageId: number): Uint8Array
  /** An image's config that is known already, whoever may read it. */
  configBytes(digest: Digest): Uint8Array | undefined
  addManifest(tx: Transaction, manifest: NewManifest): void
  removeManifest(tx: Transaction, repositoryId: number, digest: Digest): boolean
  /** The stream's tags that mean the image now. */
  tagsOfImage(streamId: number, imageId: number): readonly TagName[]

  /** Notes that a client was told that the content is here; it is kept for the lease from now on. */
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
  const stored = db.prepare<{ size: number }>('select size from blobs where digest = ?')
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
  const tagsOfImage = db.prepare<{ name: TagName }>(
    'select name from tags where stream_id = ? and newest_image_id = ? order by name',
  )
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
    storedSize: (digest) => stored.get(digest)?.size,
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
    tagsOfImage: (streamId, imageId) => tagsOfImage.all(streamId, imageId).map(({ name }) => name),

    confirmBlob: (_tx, repositoryId, digest, at) => confirmBlob.run(at, repositoryId, digest).changes > 0,
    confirmManifest: (_tx, repositoryId, digest, at) =>
      confirmManifest.run(at, repositoryId, digest).changes > 0,
  }
}
