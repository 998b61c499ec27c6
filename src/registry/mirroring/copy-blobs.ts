import type { Viewer } from '../../access/right/viewer.ts'
import type { BlobStore } from '../../blobs/blob-store.ts'
import { forEachBounded } from '../../concurrency/bounded.ts'
import type { Sleep } from '../../concurrency/clock.ts'
import { inBatches, yieldToEventLoop } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Digest } from '../../oci/digest.ts'
import { InvalidManifestError } from '../../oci/manifest.ts'
import type { Reference } from '../../oci/reference.ts'
import { RegistryError, type RegistryErrorReason } from '../../oci/registry-error.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { Content, Repository } from '../content/content.ts'
import type { BlobFetching } from '../pull-through/pull-through.ts'
import { createBlobAttempts } from './blob-attempts.ts'
import type { BlobCopyProgress } from './blob-copy-progress.ts'
import type { CopiedBlob } from './image-tree.ts'

export interface BlobCopyDependencies {
  readonly db: Database
  readonly content: Content
  readonly blobs: Pick<BlobStore, 'has' | 'requireSpace'>
  readonly fetching: BlobFetching
  readonly sleep: Sleep
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The repository that blobs are copied to, and where they come from. */
export interface BlobCopyScope {
  /** Who requested the copy: blobs of repositories that it may pull from are linked. */
  readonly viewer: Viewer
  readonly to: StreamName
  readonly from: Pick<Reference, 'registry' | 'repository'>
  /** The repository of this registry that the blobs come from; undefined for another registry's. */
  readonly own: Repository | undefined
  readonly insecure: boolean
  readonly signal: AbortSignal
}

/** Blobs that one copy fetches at a time. */
const AT_A_TIME = 4
/** Why a source does not serve an optional blob, such as a layer of Windows that may not be distributed. */
const WITHHELD: ReadonlySet<RegistryErrorReason> = new Set(['NotFound', 'Unauthorized', 'Forbidden'])

/** Creates the copies of blobs to a repository: links those that this registry has, and fetches the others. */
export function createBlobCopies(dependencies: BlobCopyDependencies) {
  const { db, content, blobs: store, fetching, now } = dependencies
  const attempts = createBlobAttempts(dependencies)

  /** Links the blob, and starts its lease. Returns false where no repository that may be read has it. */
  const link = (tx: Transaction, { viewer, to }: BlobCopyScope, { digest, size }: CopiedBlob): boolean => {
    const repository = content.ensureRepository(tx, to, now())
    const source = content.blob(repository.id, digest) ? repository : content.readableSource(viewer, digest)
    const found = source && content.blob(source.id, digest)
    if (!found) return false
    if (found.size !== size) {
      throw new InvalidManifestError(
        `the blob ${digest} has ${found.size} bytes, not ${size} as in the manifest`,
      )
    }
    content.linkBlob(tx, { repositoryId: repository.id, digest, size, at: now() })
    return true
  }

  const fetchOnce = async (
    { digest, size }: CopiedBlob,
    { to, from, own, insecure, signal }: BlobCopyScope,
    progress: BlobCopyProgress,
  ): Promise<void> => {
    if (own) return fetching.store(own, digest)
    const repository = db.transact((tx) => content.ensureRepository(tx, to, now()))
    // garbage collection removes an empty repository
    const entitledId = (tx: Transaction): number | undefined =>
      signal.aborted ? undefined : content.ensureRepository(tx, to, now()).id
    const recipient = { repository, entitledId, signal }
    await progress.follow(fetching.begin(recipient, { reference: from, insecure, digest, size }))
  }

  return {
    /** Returns the blobs that no repository that may be read has. */
    missing: (
      { viewer, to }: Pick<BlobCopyScope, 'viewer' | 'to'>,
      wanted: Iterable<CopiedBlob>,
    ): readonly CopiedBlob[] => {
      const repository = content.repository(to)
      return [...wanted].filter(
        ({ digest }) =>
          !(repository && content.blob(repository.id, digest)) && !content.readableSource(viewer, digest),
      )
    },

    /**
     * Makes the repository have all blobs that are not optional. Throws RegistryError, DigestMismatchError,
     * StorageFullError, also where the missing blobs do not fit on the disk, and the signal's reason.
     */
    async copy(
      wanted: ReadonlyMap<Digest, CopiedBlob>,
      whole: BlobCopyScope,
      progress: BlobCopyProgress,
    ): Promise<void> {
      const failed = new AbortController()
      const scope = { ...whole, signal: AbortSignal.any([whole.signal, failed.signal]) }
      const { own, signal } = scope
      const missing: CopiedBlob[] = []
      for (const batch of inBatches([...wanted.values()])) {
        for (const blob of batch) {
          // one whose file is lost is fetched again
          const isStored = await store.has(blob.digest, blob.size)
          if (isStored && (await db.transactTogether((tx) => link(tx, scope, blob))))
            progress.addStored(blob.size)
          else missing.push(blob)
        }
        await yieldToEventLoop(signal)
      }
      if (missing.length === 0) return
      await store.requireSpace(missing.reduce((sum, { size }) => sum + size, 0))
      await forEachBounded(missing, AT_A_TIME, async (blob) => {
        try {
          await attempts(blob, () => fetchOnce(blob, scope, progress), signal)
          if (own && !(await db.transactTogether((tx) => link(tx, scope, blob))))
            throw missingBlob(blob, scope)
          progress.addStored(blob.size)
        } catch (error) {
          if (blob.isOptional && error instanceof RegistryError && WITHHELD.has(error.reason)) return
          // the other fetches of this copy end too
          failed.abort(error)
          throw error
        }
      })
    },
  }
}

const missingBlob = ({ digest }: CopiedBlob, { from }: BlobCopyScope): RegistryError =>
  new RegistryError(`${from.registry} does not have the blob ${digest} of ${from.repository}`, {
    ...from,
    reason: 'NotFound',
  })
