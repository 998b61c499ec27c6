import { createHash } from 'node:crypto'
import type { BlobStore } from '../../blobs/blob-store.ts'
import { isUploadId, newUploadId } from '../../blobs/layout.ts'
import type { Upload } from '../../blobs/upload.ts'
import type { DigestAlgorithm } from '../../oci/digest.ts'
import { formatRepositoryName } from '../../oci/repository-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import { unknownUpload } from '../protocol/error-mapping.ts'

/** The owner of an upload. */
interface UploadScope {
  /** Id of the viewer. */
  readonly principal: string
  readonly repository: StreamName
}

/** An upload, with the id by which its client continues it. */
export interface OwnUpload {
  readonly id: string
  readonly upload: Upload
}

/**
 * Creates the uploads of clients. Each belongs to one repository and one principal: the store has it under a hash of the
 * principal and the id, so that the id finds nothing for any other principal.
 */
export const createOwnUploads = (blobs: Pick<BlobStore, 'createUpload' | 'upload'>) => ({
  /** Starts an upload. Rejects with StorageFullError. */
  async start(scope: UploadScope, algorithm: DigestAlgorithm): Promise<OwnUpload> {
    const id = newUploadId()
    const repository = formatRepositoryName(scope.repository)
    return { id, upload: await blobs.createUpload(repository, algorithm, storedId(scope, id)) }
  },

  /** Returns the upload with this id. Rejects with OciError unless this principal started it in this repository. */
  async find(scope: UploadScope, id: string): Promise<OwnUpload> {
    const repository = formatRepositoryName(scope.repository)
    const upload = isUploadId(id) && (await blobs.upload(repository, storedId(scope, id)))
    if (!upload) throw unknownUpload()
    return { id, upload }
  },
})

const storedId = ({ principal }: UploadScope, id: string): string =>
  createHash('sha256').update(`${principal} ${id}`).digest('hex').slice(0, id.length)
