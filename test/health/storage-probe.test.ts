import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createStorageProbe } from '../../src/health/storage-probe.ts'
import { eventually } from '../fixtures/eventually.ts'
import { mountReadOnly, mountSmallDisk } from '../fixtures/small-disk.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-probe-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

test('a disk that accepts writes is no problem, and keeps nothing of them', async () => {
  using probe = createStorageProbe({ folders: [folder] })
  expect(probe.space()).toBeUndefined()
  await probe.refresh()
  expect(probe.problem()).toBeUndefined()
  expect(readdirSync(folder)).toEqual([])
  const { free = 0, size = 0 } = probe.space() ?? {}
  expect(free).toBeGreaterThan(0)
  expect(size).toBeGreaterThanOrEqual(free)
})

test('a file of a probe that a crash ended is replaced', async () => {
  writeFileSync(join(folder, '.imagestreams-probe'), 'left behind')
  using probe = createStorageProbe({ folders: [folder] })
  await probe.refresh()
  expect(probe.problem()).toBeUndefined()
  expect(readdirSync(folder)).toEqual([])
})

test('a folder that is missing fails with the code of the system alone', async () => {
  using probe = createStorageProbe({ folders: [folder, join(folder, 'none')] })
  await probe.refresh()
  expect(probe.problem()).toEqual({
    reason: 'STORAGE_FAILS',
    message: 'the disk does not accept writes: ENOENT',
  })
})

test('a failed write is followed by a probe, but not more than one at a time', async () => {
  let now = 0
  using probe = createStorageProbe({ folders: [join(folder, 'none')], now: () => now })
  probe.writeFailed()
  await eventually(() => expect(probe.problem()).toBeDefined())
  rmSync(folder, { recursive: true, force: true })
  now += 999
  probe.writeFailed()
  expect(probe.space()).toBeUndefined()
  now += 16_000
  expect(probe.problem()).toMatchObject({ message: 'the disk does not accept writes: ENOENT' })
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-probe-'))
})

const disk = mountSmallDisk('1m')

test.runIf(disk)('a full disk is a problem until there is room', async () => {
  if (!disk) return
  await using _mounted = disk
  using probe = createStorageProbe({ folders: [disk.folder] })
  await disk.fill()
  await probe.refresh()
  expect(probe.problem()).toMatchObject({ reason: 'STORAGE_FULL' })
  expect(probe.space()).toMatchObject({ free: 0 })
  disk.free()
  await probe.refresh()
  expect(probe.problem()).toBeUndefined()
})

test('a read-only disk is a problem until it is writable', async ({ skip }) => {
  using probe = createStorageProbe({ folders: [folder] })
  {
    using readOnly = mountReadOnly([folder])
    if (!readOnly) return skip()
    await probe.refresh()
    expect(probe.problem()).toMatchObject({ reason: 'STORAGE_READ_ONLY' })
  }
  await probe.refresh()
  expect(probe.problem()).toBeUndefined()
})
