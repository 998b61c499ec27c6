import type { KeyLock } from '../concurrency/key-lock.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { DurableFolders } from './folders.ts'
import type { FreeSpace } from './free-space.ts'
import type { Layout } from './layout.ts'
import type { WriteBudget } from './upload-file.ts'

/** What all blobs and uploads of one store share. */
export interface StoreParts {
  readonly layout: Layout
  readonly folders: DurableFolders
  /** By digest: held from a blob's bytes to its row, and while it is removed. */
  readonly locks: KeyLock
  /** Held while folders of uploads are made or removed: no folder goes between its making and its first file. */
  readonly uploadFolders: KeyLock
  readonly pool: BufferPool
  readonly budget: WriteBudget
  readonly space: FreeSpace
  /** Milliseconds since 1970. */
  readonly now: () => number
}
