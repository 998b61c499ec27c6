import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import { storageFailure } from '../../input/storage-failure.ts'
import type { RegistryLimits } from '../protocol/limits.ts'

/** Reports whether less than half of a lease is left: a write for each read would make reads as slow as writes. */
export const isLeaseShort = ({ lease }: RegistryLimits, confirmedAt: number, at: number): boolean =>
  at - confirmedAt > lease / 2

/** Extends a lease with `confirm`. Returns false if the repository no longer has the content. */
export async function extendLease(db: Database, confirm: (tx: Transaction) => boolean): Promise<boolean> {
  try {
    return await db.transactTogether(confirm)
  } catch (error) {
    // a full or read-only disk can still be read, and garbage collection cannot delete rows either
    if (storageFailure(error)) return true
    throw error
  }
}
