import type { KeyLock } from '../concurrency/bounded.ts'
import type { WriteBudget } from './background-writer.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { DurableFolders } from './folders.ts'
import type { FreeSpace } from './free-space.ts'
import type { Layout } from './layout.ts'
import type { UnfinishedBytes } from './unfinished-bytes.ts'

/** Objects that all blobs and uploads of one store share. */
export interface StoreParts {
  readonly layout: Layout
  readonly folders: DurableFolders
  /** By digest: held from writing a blob's bytes to writing its row, and during its removal. */
  readonly locks: KeyLock
  /** Held while folders of uploads are created or removed, so that none is removed before its first file is created. */
  readonly uploadFolders: KeyLock
  readonly pool: BufferPool
  readonly budget: WriteBudget
  readonly space: FreeSpace
  readonly unfinished: UnfinishedBytes
  /** Milliseconds since 1970. */
  readonly now: () => number
}
