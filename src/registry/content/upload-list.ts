import { createHash } from 'node:crypto'
import { sees, type Viewer } from '../../access/right/viewer.ts'
import type { BlobStore } from '../../blobs/blob-store.ts'
import { repositoryNameOf } from '../../oci/repository-name.ts'

/** An unfinished upload of a blob. */
export interface ListedUpload {
  /** Identifies the upload in its repository, and is not its id, with which its client can continue it. */
  readonly key: string
  /** `namespace/name`. */
  readonly repository: string
  /** Bytes received. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** Time at which bytes were last received, in milliseconds since 1970. */
  readonly changedAt: number
}

/** Reads of the unfinished uploads. */
export type UploadList = ReturnType<typeof createUploadList>

export const createUploadList = (blobs: Pick<BlobStore, 'uploads' | 'uploadsInto'>) => ({
  /** Returns all unfinished uploads into repositories that the viewer sees, oldest first. */
  async all(viewer: Viewer): Promise<ListedUpload[]> {
    const uploads = await blobs.uploads()
    const listed = uploads.filter(({ repository }) => isSeen(viewer, repository)).map(listedOf)
    return listed.sort((one, other) => one.startedAt - other.startedAt || (one.key < other.key ? -1 : 1))
  },

  /** Returns the upload into `namespace/name` with the key; undefined once it has finished. */
  async byKey(repository: string, key: string): Promise<ListedUpload | undefined> {
    const [upload] = await blobs.uploadsInto(repository, (id) => keyOf(id) === key)
    return upload && listedOf(upload)
  },
})

const isSeen = (viewer: Viewer, path: string): boolean => {
  const repository = repositoryNameOf(path)
  return repository !== undefined && sees(viewer, repository)
}

const keyOf = (id: string): string => createHash('sha256').update(id).digest('base64url')

const listedOf = ({
  id,
  repository,
  size,
  startedAt,
  changedAt,
}: Omit<ListedUpload, 'key'> & { readonly id: string }): ListedUpload => ({
  key: keyOf(id),
  repository,
  size,
  startedAt,
  changedAt,
})
