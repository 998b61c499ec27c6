import { createHash } from 'node:crypto'
import type { Database } from '../db/open.ts'

interface Fingerprinted {
  readonly at: number
  readonly stream: number
  readonly tag: string | null
  /** The pull spec of a push, the kind of another change. */
  readonly what: string
}

/** Characters of a fingerprint: 48 bits. */
const LENGTH = 8

/**
 * Returns a function for the fingerprint of the entry with a sequence; null where the log has none. After a backup was
 * restored, another entry may get the same number, but not the same fingerprint.
 */
export function createFingerprints(db: Database): (sequence: number) => string | null {
  const push = db.prepare<Fingerprinted>(
    `select pushed_at as at, stream_id as stream, tag, docker_image_reference as what from push_log where sequence = ?`,
  )
  const change = db.prepare<Fingerprinted>(
    'select changed_at as at, stream_id as stream, tag, kind as what from stream_changes where sequence = ?',
  )
  return (sequence) => {
    const entry = push.get(sequence) ?? change.get(sequence)
    if (!entry) return null
    const text = JSON.stringify([entry.at, entry.stream, entry.tag, entry.what])
    return createHash('sha256').update(text).digest('base64url').slice(0, LENGTH)
  }
}
