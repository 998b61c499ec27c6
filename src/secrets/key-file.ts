import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { SealingKeyError } from './errors.ts'

/** Bytes of a file of keys. */
const MAX_FILE = 64 * 1024

/**
 * The text of a file that only its owner may read, who is the server's own user or root; undefined where there is none.
 * Throws SealingKeyError.
 */
export function readKeyFile(path: string): string | undefined {
  const file = open(path)
  if (file === undefined) return undefined
  try {
    // of what was opened: between a look at a name and its opening another file may take it
    const { mode, uid, size } = fstatSync(file)
    const refuse = (why: string): never => {
      throw new SealingKeyError(`the key file ${path} ${why}`)
    }
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) refuse('is not a file')
    if (uid !== 0 && uid !== process.getuid?.()) refuse('belongs to another user')
    if ((mode & 0o077) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, '0')
      refuse(
        `is open to others than its owner (mode ${shown}): chmod 600 ${path}, and replace a key that was seen`,
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
    // a pipe would keep everything waiting
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new SealingKeyError(`the key file ${path} cannot be read: ${code}`, { cause: error })
  }
}

/** Writes a file that only its owner may read, on disk whole when this returns. Throws SealingKeyError. */
export function writeKeyFile(path: string, text: string): void {
  const draft = `${path}.new`
  try {
    // a stop in the middle of a write leaves it
    rmSync(draft, { force: true })
    const file = openSync(draft, 'wx', 0o600)
    try {
      writeSync(file, text)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
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
