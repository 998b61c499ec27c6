import { createHash } from 'node:crypto'
import type { Database } from '../db/open.ts'

interface Fingerprinted {
  readonly at: number
  readonly stream: number
  readonly tag: string | null
  /** The pull spec of a push, the kind of another change. */
  readonly what: string
}

/** Returns the fingerprint of the entry with a sequence; null where the log has none, and where that of the last removed is unknown. */
export type FingerprintAt = (sequence: number) => string | null

/** Characters of a fingerprint: 48 bits. */
const LENGTH = 8

/**
 * Creates fingerprints of entries. After a backup was restored, another entry may get the same number, but not the same fingerprint:
 * it has random text of the process that wrote the entry.
 */
export function createFingerprints(db: Database, nonceOf: (sequence: number) => string): FingerprintAt {
  const push = db.prepare<Fingerprinted>(
    `select pushed_at as at, stream_id as stream, tag, docker_image_reference as what from push_log where sequence = ?`,
  )
  const change = db.prepare<Fingerprinted>(
    'select changed_at as at, stream_id as stream, tag, kind as what from stream_changes where sequence = ?',
  )
  const removed = db.prepare<{ fingerprint: string | null }>(
    'select dropped_fingerprint as fingerprint from push_log_state where dropped = ?',
  )
  return (sequence) => {
    const entry = push.get(sequence) ?? change.get(sequence)
    if (!entry) return removed.get(sequence)?.fingerprint ?? null
    const nonce = nonceOf(sequence)
    const content = [entry.at, entry.stream, entry.tag, entry.what]
    // entries of earlier versions have no writer, and keep their fingerprint
    const text = JSON.stringify(nonce === '' ? content : [...content, nonce])
    return createHash('sha256').update(text).digest('base64url').slice(0, LENGTH)
  }
}
