import { type FileHandle, open } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import type { BufferPool } from './buffer-pool.ts'
import { UploadGoneError } from './errors.ts'
import { unlessAbsent } from './folders.ts'
import type { UploadPlace } from './publish.ts'
import { type ByteRange, sendFile } from './send.ts'
import type { UploadWork } from './upload-work.ts'

/** The upload that followers read. */
interface FollowedUpload {
  readonly content: { readonly written: number }
  readonly work: Pick<UploadWork, 'isBusy' | 'ended'>
  readonly place: Readonly<UploadPlace>
  readonly pool: BufferPool
}

/** The readers of an upload that is being written, each at its own pace. */
export class UploadFollowers {
  readonly #followers = new Set<Follower>()
  #isComplete = false

  /** Whether the upload was committed. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** Implements `Upload.follow`. */
  async follow(
    { content, place, work, pool }: FollowedUpload,
    { start, end }: ByteRange,
    { total, to }: { readonly total: number; readonly to: Writable },
  ): Promise<void> {
    const follower = new Follower()
    this.#followers.add(follower)
    try {
      await using file = await openFile(place, work, follower)
      /** Resolves with the end of the readable bytes, once it is after `position`. */
      const readableFrom = async (position: number): Promise<number> => {
        for (;;) {
          follower.throwIfFailed()
          const readable = this.#isComplete ? total : Math.min(content.written, total - 1)
          const limit = Math.min(end, readable)
          if (limit > position) return limit
          await follower.changed()
        }
      }
      await sendFile(file, { range: { start, end }, to, pool, readableFrom })
    } finally {
      this.#followers.delete(follower)
    }
  }

  /** Lets all followers check for more bytes. */
  wake(): void {
    for (const follower of this.#followers) follower.wake()
  }

  /** Releases the last bytes: the upload was committed. */
  complete(): void {
    this.#isComplete = true
    this.wake()
  }

  /** Makes all followers reject, unless the upload was committed. */
  fail(error: unknown): void {
    if (!this.#isComplete) for (const follower of this.#followers) follower.fail(error)
  }
}

/** Opens the file in its current place. */
async function openFile(
  place: FollowedUpload['place'],
  work: FollowedUpload['work'],
  follower: Follower,
): Promise<FileHandle> {
  for (;;) {
    const { path } = place
    const file = await unlessAbsent(open(path))
    if (file) return file
    const isMoving = path !== place.path || work.isBusy
    await work.ended
    follower.throwIfFailed()
    if (!isMoving) throw new UploadGoneError('the upload was discarded')
  }
}

/** One reader, which waits for bytes. */
class Follower {
  #wake: (() => void) | undefined
  #failure: { readonly error: unknown } | undefined

  /** Resolves at the next change; the caller must first check the current state. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  /** Throws the reason if the upload cannot be completed. */
  throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error
  }

  wake(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  fail(error: unknown): void {
    this.#failure ??= { error }
    this.wake()
  }
}
