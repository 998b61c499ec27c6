import { PassThrough, type Readable } from 'node:stream'
import type { BlobStore } from '../../blobs/blob-store.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { Content, Repository } from '../content/content.ts'
import type { BlobFetching } from '../pull-through/pull-through.ts'
import type { CopiedBlob } from './image-tree.ts'
import type { RepositoryReference } from './mirroring.ts'

export interface OwnBlobDependencies {
  readonly content: Content
  readonly blobs: Pick<BlobStore, 'open'>
  readonly fetching: Pick<BlobFetching, 'store'>
}

/**
 * Returns a function for the bytes of a blob of a repository of this registry, from an offset on; a blob of an imported image is
 * fetched first. Rejects with RegistryError where the repository does not have it, and with OciError where it cannot be fetched.
 */
export const createOwnBlobs =
  ({ content, blobs, fetching }: OwnBlobDependencies) =>
  async (
    repository: Repository | undefined,
    { digest, size }: Pick<CopiedBlob, 'digest' | 'size'>,
    { from, offset }: { readonly from: RepositoryReference; readonly offset: number },
  ): Promise<Readable> => {
    const has = (): boolean => repository !== undefined && content.blob(repository.id, digest) !== undefined
    if (repository && !has()) await fetching.store(repository, digest)
    const blob = has() ? await blobs.open(digest) : undefined
    if (!blob) {
      const message = `${from.registry} does not have the blob ${digest} of ${from.repository}`
      throw new RegistryError(message, { ...from, reason: 'NotFound' })
    }
    const bytes = new PassThrough()
    // an error before the reader listens is not unhandled: the reader finds it in `errored`
    bytes.on('error', () => {})
    blob
      .send({ start: offset, end: size }, bytes)
      .then(
        () => bytes.end(),
        (error: Error) => bytes.destroy(error),
      )
      .finally(() => blob[Symbol.asyncDispose]())
      .catch(() => {})
    return bytes
  }
