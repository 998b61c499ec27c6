import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { newSealingKey, SealingKeyError } from './sealing-key.ts'

/** Where an operator may provide the sealing keys. */
interface KeySettings {
  /** The keys themselves, and the name of their setting for messages; null when they are in a file. */
  readonly given: { readonly text: string; readonly source: string } | null
  /** Path of the file that must contain them; null for the default file. */
  readonly file: string | null
  /** Path of the file that is created with a new key when it does not exist. */
  readonly defaultFile: string
}

/**
 * Returns the text of the keys, new ones for a default file that does not exist. `source` is where they come from, for
 * messages; `save` writes new keys to the file. Throws SealingKeyError.
 */
export function provideKeys({ given, file, defaultFile }: KeySettings) {
  const save = (): void => {}
  if (given) return { ...given, save }
  const path = file ?? defaultFile
  const source = `the key file ${path}`
  const text = readKeyFile(path)
  if (text !== undefined) return { text, source, save }
  if (file !== null) {
    throw new SealingKeyError(
      `${source} is not there: "openssl rand -base64 32" makes a key to write into it`,
    )
  }
  const made = newSealingKey()
  return { text: made, source: `${source}, which is not there`, save: () => writeKeyFile(path, `${made}\n`) }
}

/** Bytes of a key file. */
const MAX_FILE = 64 * 1024

/**
 * Returns the text of a key file; undefined when the file does not exist. Throws SealingKeyError unless the owner is the
 * server's own user or root and only the owner may read it.
 */
export function readKeyFile(path: string): string | undefined {
  const file = open(path)
  if (file === undefined) return undefined
  try {
    // of the open file: between stat and open another file may take the name
    const { mode, uid, size } = fstatSync(file)
    const refuse = (why: string): never => {
      throw new SealingKeyError(`the key file ${path} ${why}`)
    }
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) refuse('is not a regular file')
    if (uid !== 0 && uid !== process.getuid?.()) refuse('belongs to another user')
    if ((mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, '0')
      refuse(
        `can be accessed by other users (mode ${octal}): run chmod 600 ${path}, and replace the key if it was read`,
      )
    }
    if (size > MAX_FILE) refuse(`has more than ${MAX_FILE} bytes`)
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

function open(path: string): number | undefined {
  try {
    // opening a pipe would block
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new SealingKeyError(`the key file ${path} cannot be read: ${code}`, { cause: error })
  }
}

/** Writes a file that only its owner may read, and syncs it to disk. Throws SealingKeyError. */
export function writeKeyFile(path: string, text: string): void {
  const draft = `${path}.new`
  try {
    // left behind by a crash during an earlier write
    rmSync(draft, { force: true })
    writeFileSync(draft, text, { flag: 'wx', mode: 0o600, flush: true })
    renameSync(draft, path)
    syncFolder(dirname(path))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new SealingKeyError(`the key file ${path} cannot be written: ${code}`, { cause: error })
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
