import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { FileOperation } from './write-stream.ts'

const SECTOR = 512

type FileChange = Extract<FileOperation, { kind: 'write' | 'truncate' }> | { readonly kind: 'empty' }
type NameChange = Extract<FileOperation, { kind: 'open' | 'rename' | 'unlink' | 'mkdir' }>

/** Changes of one file or one folder, in order; those before `synced` are on disk. */
interface Changes<Change> {
  readonly list: { readonly change: Change; readonly at: number }[]
  synced: number
}

const folderOf = (path: string): string => (dirname(path) === '.' ? '' : dirname(path))

/**
 * Writes what a disk can have after its power failed: all that was synced before, and of the rest what the random numbers choose. Of
 * the names in a folder the first are there, as file systems keep them in a journal; of the sectors of a file any.
 */
export function writeCutDisk(
  operations: readonly FileOperation[],
  { cut, random, folder }: { readonly cut: number; readonly random: () => number; readonly folder: string },
): void {
  const files = new Map<number, Changes<FileChange>>()
  const folders = new Map<string, Changes<NameChange>>()
  const ofFile = (file: number) => changesOf(files, file)
  const ofFolder = (path: string) => changesOf(folders, path)
  const seen = new Set<string>()
  operations.slice(0, cut).forEach((operation, at) => {
    switch (operation.kind) {
      case 'open':
        if (!seen.has(operation.path)) ofFolder(folderOf(operation.path)).list.push({ change: operation, at })
        seen.add(operation.path)
        if (operation.truncates) ofFile(operation.file).list.push({ change: { kind: 'empty' }, at })
        break
      case 'write':
      case 'truncate':
        ofFile(operation.file).list.push({ change: operation, at })
        break
      case 'sync': {
        const changes = operation.file === null ? ofFolder(operation.path) : ofFile(operation.file)
        changes.synced = Math.max(changes.synced, operation.since)
        break
      }
      case 'rename':
        seen.delete(operation.from)
        seen.add(operation.to)
        ofFolder(folderOf(operation.to)).list.push({ change: operation, at })
        break
      case 'unlink':
        seen.delete(operation.path)
        ofFolder(folderOf(operation.path)).list.push({ change: operation, at })
        break
      case 'mkdir':
        ofFolder(folderOf(operation.path)).list.push({ change: operation, at })
        break
      case 'respond':
        break
    }
  })
  const { names, made } = namesAfter(folders, random)
  mkdirSync(folder, { recursive: true })
  for (const path of made) mkdirSync(join(folder, path), { recursive: true })
  for (const [path, file] of names) {
    if (path.includes('/') && !made.has(folderOf(path))) continue
    writeFileSync(join(folder, path), contentAfter(ofFile(file), random), { mode: 0o600 })
  }
}

function changesOf<Key, Change>(map: Map<Key, Changes<Change>>, key: Key): Changes<Change> {
  const known = map.get(key)
  if (known) return known
  const made: Changes<Change> = { list: [], synced: 0 }
  map.set(key, made)
  return made
}

/** Returns the names that are on disk, with their files, and the folders. */
function namesAfter(folders: ReadonlyMap<string, Changes<NameChange>>, random: () => number) {
  const kept = [...folders.values()].flatMap(({ list, synced }) => {
    const open = list.filter(({ at }) => at >= synced)
    const some = open.slice(0, Math.floor(random() * (open.length + 1)))
    return [...list.filter(({ at }) => at < synced), ...some]
  })
  kept.sort((one, other) => one.at - other.at)
  const names = new Map<string, number>()
  const made = new Set<string>()
  for (const { change } of kept) {
    if (change.kind === 'open') names.set(change.path, change.file)
    else if (change.kind === 'mkdir') made.add(change.path)
    else if (change.kind === 'unlink') {
      names.delete(change.path)
      made.delete(change.path)
    } else {
      const file = names.get(change.from)
      // a rename is in the journal as a whole; the file was made in a folder whose last names may be lost
      if (file === undefined) continue
      names.delete(change.from)
      names.set(change.to, file)
    }
  }
  return { names, made }
}

function contentAfter({ list, synced }: Changes<FileChange>, random: () => number): Buffer {
  let content: Buffer = Buffer.alloc(0)
  for (const { change, at } of list) {
    const isSynced = at < synced
    if (change.kind === 'empty') {
      if (isSynced || random() < 0.5) content = Buffer.alloc(0)
    } else if (change.kind === 'truncate') {
      if (isSynced || random() < 0.5) content = resized(content, change.size)
    } else content = written(content, change, isSynced ? () => true : () => random() < 0.5)
  }
  return content
}

function resized(content: Buffer, size: number): Buffer {
  return size <= content.length
    ? content.subarray(0, size)
    : Buffer.concat([content, Buffer.alloc(size - content.length)])
}

/** Applies those sectors of a write that the disk has. */
function written(
  content: Buffer,
  { offset, bytes }: { readonly offset: number; readonly bytes: Buffer },
  hasSector: () => boolean,
): Buffer {
  let next = content
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(bytes.length - at, SECTOR - ((offset + at) % SECTOR))
    if (hasSector()) {
      next = next.length < offset + at + length ? resized(next, offset + at + length) : next
      bytes.copy(next, offset + at, at, at + length)
    }
    at += length
  }
  return next
}
