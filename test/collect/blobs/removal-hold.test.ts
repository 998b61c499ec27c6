import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createDiskStore } from '../../../src/blobs/blob-store.ts'
import { createRemovalHold, holdRemovals } from '../../../src/collect/blobs/removal-hold.ts'
import { createStoredBlobs } from '../../../src/collect/blobs/stored-blobs.ts'
import { openDatabase } from '../../../src/db/open.ts'
import { leaveStray, storedIn } from './world.ts'

it('removes no file while a backup holds removals off, and all of them afterwards', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'imagestreams-hold-'))
  {
    await using store = await createDiskStore({ folder, now: Date.now, minimumFreeBytes: 0 })
    using db = openDatabase(':memory:')
    const stray = await leaveStray(store, 'a stray')
    const hold = createRemovalHold(folder)
    let removed = 0
    const removals = {
      removed: () => removed++,
      failed(error: unknown) {
        throw error
      },
    }
    const collected = createStoredBlobs(db, store, hold)
    const stopped = new AbortController()
    const held = holdRemovals(folder, 0)
    expect([hold.isHeld(), holdRemovals(folder, 0)]).toEqual([true, undefined])

    const first = collected.removeStrays(removals, stopped.signal)
    stopped.abort(new Error('stopped'))
    await expect(first).rejects.toThrow('stopped')
    const second = collected.removeStrays(removals, new AbortController().signal)
    await hold.released(AbortSignal.timeout(50)).catch(() => {})
    expect([removed, await storedIn(store)]).toEqual([0, [stray]])

    held?.[Symbol.dispose]()
    await second
    expect([removed, await storedIn(store)]).toEqual([1, []])
  }
  rmSync(folder, { recursive: true })
})

it('leaves a file whose backup began between the removal of its row and its own', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'imagestreams-hold-'))
  {
    await using store = await createDiskStore({ folder, now: Date.now, minimumFreeBytes: 0 })
    using db = openDatabase(':memory:')
    await leaveStray(store, 'a stray')
    // the first wait ends before the backup begins, the look after it finds the backup
    const seen: string[] = []
    const looks = [true, false]
    const hold = {
      isHeld: () => looks.shift() ?? false,
      released: async () => void seen.push(`waited with ${(await storedIn(store)).length} files`),
    }
    await createStoredBlobs(db, store, hold).removeStrays(
      { removed: () => seen.push('removed'), failed() {} },
      new AbortController().signal,
    )
    expect(seen).toEqual(['waited with 1 files', 'waited with 1 files', 'removed'])
  }
  rmSync(folder, { recursive: true })
})
