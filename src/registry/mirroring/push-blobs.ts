import { Readable } from 'node:stream'
import { LRUCache } from 'lru-cache'
import { SingleFlight } from '../../concurrency/single-flight.ts'
import type { Digest } from '../../oci/digest.ts'
import { repositoryNameOf } from '../../oci/repository-name.ts'
import { createBlobAttempts } from './blob-attempts.ts'
import type { BlobCopyProgress } from './blob-copy-progress.ts'
import type { BlobCopyDependencies } from './copy-blobs.ts'
import type { ImageDestination, PushedBlob } from './destination.ts'
import { look } from './destination.ts'
import { verifiedFrom } from './foreign-blobs.ts'
import type { CopiedBlob } from './image-tree.ts'
import { formatPlace, type RepositoryReference } from './mirroring.ts'
import { createOwnBlobs, type OwnBlobDependencies } from './own-blobs.ts'
import type { ImageSources } from './source.ts'

export interface BlobPushDependencies extends Pick<BlobCopyDependencies, 'sleep'>, OwnBlobDependencies {
  readonly sources: Pick<ImageSources, 'fetchBlob' | 'isOwn'>
}

/** Where blobs are read, and where they are pushed to. */
export interface BlobPushScope {
  /** Namespace whose credentials are used. */
  readonly namespace: string
  readonly from: RepositoryReference
  readonly to: RepositoryReference
  readonly destination: ImageDestination
  readonly insecure: boolean
  readonly lane: string
  readonly progress: BlobCopyProgress
  /** Whether blobs are pushed that the destination says it has: it missed one of them. */
  readonly isDoubted: boolean
  readonly signal: AbortSignal
}

/** Blobs whose repository in another registry is remembered, to mount them from there. */
const MAX_KNOWN = 10_000

/** Creates the pushes of blobs to other registries. */
export function createBlobPushes(dependencies: BlobPushDependencies) {
  const { content, sources } = dependencies
  const attempts = createBlobAttempts(dependencies)
  const readOwn = createOwnBlobs(dependencies)
  const pushes = new SingleFlight<void>()
  /** Repositories that have a blob, by namespace: it is not mounted with another one's credentials. */
  const known = new LRUCache<string, RepositoryReference>({ max: MAX_KNOWN })

  const read = async ({ digest, size }: CopiedBlob, scope: BlobPushScope, offset: number) => {
    const { from, insecure, lane, namespace, signal } = scope
    const ownName = sources.isOwn(from.registry) ? repositoryNameOf(from.repository) : undefined
    if (ownName) return readOwn(content.repository(ownName), { digest, size }, { from, offset })
    const whole = await sources.fetchBlob(from, { insecure, lane, namespace, signal }, { digest, size })
    return Readable.from(verifiedFrom(whole, { digest, offset }), { objectMode: false })
  }

  const pushOnce = async (blob: CopiedBlob, scope: BlobPushScope): Promise<void> => {
    const { destination, from, to, namespace, progress } = scope
    const { digest, size } = blob
    if (!scope.isDoubted && (await look(destination.hasBlob(digest))) === true) return
    const mountFrom = from.registry === to.registry ? from : known.get(keyIn(namespace, to.registry, digest))
    const pushed: PushedBlob = { digest, size, read: (offset) => read(blob, scope, offset) }
    const transfer = { received: 0, stored: Promise.resolve() }
    transfer.stored = destination
      .pushBlob(pushed, {
        mountFrom: mountFrom?.repository === to.repository ? undefined : mountFrom?.repository,
        onProgress(sent) {
          transfer.received = sent
        },
      })
      .then(() => {})
    await progress.follow(transfer)
  }

  return {
    /**
     * Makes the destination have the blob: skipped where it has it, mounted where another repository of the registry has it.
     * Pushes of the same blob to the same repository are shared. Rejects with RegistryError, DigestMismatchError, or the
     * signal's reason.
     */
    async push(blob: CopiedBlob, scope: BlobPushScope): Promise<void> {
      const { namespace, to, progress, signal } = scope
      const key = `${namespace} ${formatPlace(to)}@${blob.digest}`
      const work = () => attempts(blob, () => pushOnce(blob, scope), signal)
      await pushes.run(key, work, signal)
      known.set(keyIn(namespace, to.registry, blob.digest), to)
      progress.addStored(blob.size)
    },
  }
}

const keyIn = (namespace: string, registry: string, digest: Digest): string =>
  `${namespace} ${registry}@${digest}`
