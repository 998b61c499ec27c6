import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** Reading on from the cursor would leave a gap: later pushes were removed, or the cursor is of another database. */
export class CursorExpiredError extends Error {
  override readonly name = 'CursorExpiredError'
  readonly code = 'CURSOR_EXPIRED'
}

/** The text is not a cursor. */
export class InvalidCursorError extends Error {
  override readonly name = 'InvalidCursorError'
  readonly code = 'INVALID'

  constructor() {
    super('not a cursor of the change log: use the cursor of an ImagePush or an ImageStreamChange')
  }
}

/** A position in the log. */
export interface Position {
  readonly sequence: number
  /** Fingerprint of the entry, 8 characters of base64url; null for a position without an entry. */
  readonly fingerprint: string | null
}

/** A position that a client sent. */
interface SentPosition extends Position {
  /** Identity of the log. */
  readonly log: string
  /** Whether it is readable, as the cursors of earlier versions are, and so may be made up. */
  readonly isReadable: boolean
}

/** Encodes and decodes positions of a log. */
export type LogCursors = ReturnType<typeof createCursors>

/** Bytes of a block of AES, and of the parts of one: sequence, fingerprint, salt, and zeros that a made-up block lacks. */
const BLOCK = 16
const SEQUENCE = 5
const FINGERPRINT = 6
const SALT = 3
/** First byte of cursors. */
const VERSION = 2

/** Bytes of a key. */
export const KEY_BYTES = 32

/**
 * Creates the cursors of the log with this identity. A cursor is one encrypted block, so that it does not reveal how many
 * entries are before it, in other namespaces for example. Positions of entries are always encrypted to the same text.
 */
export function createCursors(log: string, key: Uint8Array) {
  // each block is encrypted on its own: no state is carried from one to the next
  const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)
  const decipher = createDecipheriv('aes-256-ecb', key, null).setAutoPadding(false)
  const prefix = Buffer.from([VERSION, ...bytesOf(log)])

  const encrypt = ({ sequence, fingerprint }: Position, salt?: Uint8Array): Buffer => {
    const block = Buffer.alloc(BLOCK)
    block.writeUIntBE(sequence, 0, SEQUENCE)
    if (fingerprint !== null) block.write(fingerprint, SEQUENCE, FINGERPRINT, 'base64url')
    if (salt) block.set(salt, SEQUENCE + FINGERPRINT)
    return cipher.update(block)
  }
  const decrypt = (encrypted: Buffer): Position | undefined => {
    const block = decipher.update(encrypted)
    if (block.subarray(SEQUENCE + FINGERPRINT + SALT).some((byte) => byte !== 0)) return undefined
    const fingerprint = block.subarray(SEQUENCE, SEQUENCE + FINGERPRINT)
    return {
      sequence: block.readUIntBE(0, SEQUENCE),
      fingerprint: fingerprint.some((byte) => byte !== 0) ? fingerprint.toString('base64url') : null,
    }
  }

  return {
    /** Returns the cursor of a position, opaque to clients. */
    encode: (position: Position): string => Buffer.concat([prefix, encrypt(position)]).toString('base64url'),

    /** Returns a cursor that differs each time, so that two of them do not reveal whether the log grew between them. */
    encodeSalted: (position: Position): string =>
      Buffer.concat([prefix, encrypt(position, randomBytes(SALT))]).toString('base64url'),

    /** Returns the position of a cursor. The position in another log is 0. Throws InvalidCursorError. */
    decode(cursor: string): SentPosition {
      const bytes = decoded(cursor)
      if (bytes.length !== prefix.length + BLOCK || bytes[0] !== VERSION) return readablePosition(bytes)
      const uid = uidOf(bytes.subarray(1, prefix.length))
      if (uid !== log) return { log: uid, sequence: 0, fingerprint: null, isReadable: false }
      const position = decrypt(bytes.subarray(prefix.length))
      if (!position) throw new InvalidCursorError()
      return { log, ...position, isReadable: false }
    },

    /** Returns the key of an entry in global ids. */
    keyOf: (position: Position): string => encrypt(position).toString('base64url'),

    /** Returns the position of an entry's key; undefined for text that is none. */
    positionOfKey(text: string): Position | undefined {
      const bytes = Buffer.from(text, 'base64url')
      return bytes.length === BLOCK && bytes.toString('base64url') === text ? decrypt(bytes) : undefined
    },
  }
}

/** Returns the bytes of a cursor. Decoding ignores characters that are not base64url. */
function decoded(cursor: string): Buffer {
  const bytes = Buffer.from(cursor, 'base64url')
  if (bytes.toString('base64url') !== cursor) throw new InvalidCursorError()
  return bytes
}

/** Returns the position of a cursor of earlier versions: `push:LOG:SEQUENCE[:FINGERPRINT]`. */
function readablePosition(bytes: Buffer): SentPosition {
  const [, log, digits, fingerprint = null] =
    /^push:([0-9a-f-]{36}):(\d{1,12})(?::([\w-]{8}))?$/.exec(bytes.toString()) ?? []
  if (log === undefined || digits === undefined) throw new InvalidCursorError()
  return { log, sequence: Number(digits), fingerprint, isReadable: true }
}

const bytesOf = (uid: string): Buffer => Buffer.from(uid.replaceAll('-', ''), 'hex')
const uidOf = (bytes: Buffer): string =>
  bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
