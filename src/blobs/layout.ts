import { randomBytes } from 'node:crypto'
import type { Stats } from 'node:fs'
import { opendir, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { algorithmOf, type Digest, type DigestAlgorithm, isDigest } from '../oci/digest.ts'
import { repositoryNameOf } from '../oci/repository-name.ts'
import { codeOf, unlessAbsent } from './folders.ts'

/** Algorithms of digests. */
export const ALGORITHMS: readonly DigestAlgorithm[] = ['sha256', 'sha512']

const UPLOAD_ID = /^[0-9a-f]{32}$/
const UPLOAD_FILE = /^([0-9a-f]{32})\.(sha256|sha512)$/

/** Returns 128 random bits as hexadecimal digits. */
export const newUploadId = (): string => randomBytes(16).toString('hex')

/** Reports whether the text is the id of an upload. */
export const isUploadId = (text: string): boolean => UPLOAD_ID.test(text)

/**
 * Paths in the data folder: `blobs/<algorithm>/<first two digits>/<all digits>` and
 * `uploads/<namespace>/<name>/<id>.<algorithm>`, where the name has "+", which no name contains, in place of slashes: one
 * folder is never inside that of another repository. Each part is validated, so that no path leads out of the folder.
 */
export class Layout {
  readonly blobs: string
  readonly uploads: string
  /** Folder of damaged blobs. */
  readonly quarantine: string

  constructor(folder: string) {
    this.blobs = join(folder, 'blobs')
    this.quarantine = join(folder, 'quarantine')
    this.uploads = join(folder, 'uploads')
  }

  /** Folder of an algorithm's blobs. */
  blobsBy(algorithm: DigestAlgorithm): string {
    return join(this.blobs, algorithm)
  }

  /** Throws TypeError for an invalid digest. */
  blobFolder(digest: Digest): string {
    return join(this.blobsBy(algorithmOf(digest)), hexOf(digest).slice(0, 2))
  }

  blob(digest: Digest): string {
    return join(this.blobFolder(digest), hexOf(digest))
  }

  /** Folder of a repository's uploads. Throws TypeError for an invalid repository. */
  uploadFolder(repository: string): string {
    if (!isRepository(repository)) throw new TypeError(`"${repository}" is not namespace/name`)
    const slash = repository.indexOf('/')
    return join(this.uploads, repository.slice(0, slash), folderNameOf(repository.slice(slash + 1)))
  }

  upload(repository: string, id: string, algorithm: DigestAlgorithm): string {
    if (!isUploadId(id)) throw new TypeError('not the id of an upload')
    return join(this.uploadFolder(repository), `${id}.${algorithm}`)
  }
}

const hexOf = (digest: Digest): string => {
  if (!isDigest(digest)) throw new TypeError('not a digest')
  return digest.slice(digest.indexOf(':') + 1)
}

/** Reports whether the text is `namespace/name` of a stream. */
export const isRepository = (text: string): boolean =>
  text.includes('/') && repositoryNameOf(text) !== undefined

const folderNameOf = (name: string): string => name.replaceAll('/', '+')
const nameOfFolder = (folder: string): string => folder.replaceAll('+', '/')

/** Parses the name of an upload's file; undefined for other files. */
export function parseUploadFile(name: string): { id: string; algorithm: DigestAlgorithm } | undefined {
  const [, id, algorithm] = UPLOAD_FILE.exec(name) ?? []
  return id && algorithm ? { id, algorithm: algorithm as DigestAlgorithm } : undefined
}

/** An upload, as named by its file. */
export interface UploadName {
  /** 128 random bits as hexadecimal digits, which cannot be guessed. */
  readonly id: string
  /** `namespace/name`. */
  readonly repository: string
  readonly algorithm: DigestAlgorithm
}

/** State of an upload. */
export interface UploadSummary extends UploadName {
  /** Bytes received. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** When bytes last arrived, in milliseconds since 1970. */
  readonly changedAt: number
}

/** Iterates over the uploads on the disk, one repository at a time. Ignores files with other names. */
export async function* uploadsOnDisk(layout: Layout): AsyncGenerator<UploadName[]> {
  for (const namespace of await namesIn(layout.uploads)) {
    for (const folder of await namesIn(join(layout.uploads, namespace))) {
      const repository = `${namespace}/${nameOfFolder(folder)}`
      yield await uploadsInto(layout, repository)
    }
  }
}

/** Returns the uploads into `namespace/name` on the disk; none for an invalid repository. Ignores files with other names. */
export async function uploadsInto(layout: Layout, repository: string): Promise<UploadName[]> {
  if (!isRepository(repository)) return []
  const names = await namesIn(layout.uploadFolder(repository))
  return names.flatMap((file) => {
    const upload = parseUploadFile(file)
    return upload ? [{ repository, ...upload }] : []
  })
}

/** Reads the state of an upload from the disk; undefined when it does not exist. */
export async function readUpload(layout: Layout, upload: UploadName): Promise<UploadSummary | undefined> {
  const status = await unlessAbsent(stat(layout.upload(upload.repository, upload.id, upload.algorithm)))
  return status?.isFile() ? { ...upload, size: status.size, ...timesOf(status) } : undefined
}

/** Reads the state of the upload with this id; undefined when the repository has none. */
export async function findUpload(
  layout: Layout,
  repository: string,
  id: string,
): Promise<UploadSummary | undefined> {
  for (const algorithm of ALGORITHMS) {
    const upload = await readUpload(layout, { repository, id, algorithm })
    if (upload) return upload
  }
  return undefined
}

/** Returns the times of a file. Some file systems do not store when it was created. */
const timesOf = ({ birthtimeMs, mtimeMs }: Stats): { startedAt: number; changedAt: number } => ({
  startedAt: Math.round(birthtimeMs > 0 ? Math.min(birthtimeMs, mtimeMs) : mtimeMs),
  changedAt: Math.round(mtimeMs),
})

/** Iterates over the blobs on the disk. */
export async function* blobsOnDisk(layout: Layout): AsyncGenerator<{ digest: Digest; size: number }> {
  for (const algorithm of ALGORITHMS) {
    for (const prefix of await namesIn(layout.blobsBy(algorithm))) {
      for await (const name of namesOf(join(layout.blobsBy(algorithm), prefix))) {
        const digest = `${algorithm}:${name}`
        if (!isDigest(digest) || !name.startsWith(prefix) || prefix.length !== 2) continue
        const status = await unlessAbsent(stat(layout.blob(digest)))
        if (status?.isFile()) yield { digest, size: status.size }
      }
    }
  }
}

const NO_FOLDER = new Set(['ENOENT', 'ENOTDIR'])

/** Returns no names for a folder that does not exist: it can be removed during the iteration. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (NO_FOLDER.has(codeOf(error) ?? '')) return []
    throw error
  }
}

async function* namesOf(folder: string): AsyncGenerator<string> {
  try {
    for await (const { name } of await opendir(folder)) yield name
  } catch (error) {
    if (!NO_FOLDER.has(codeOf(error) ?? '')) throw error
  }
}
