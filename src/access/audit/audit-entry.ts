import { createHash } from 'node:crypto'
import type { auditEntries } from '../../db/tables/index.ts'
import type { StreamName } from '../../oci/stream-name.ts'

/** One entry of the audit log: who did what, when, from where, with which outcome. */
export type AuditEntry = typeof auditEntries.$inferSelect

/** What a viewer did, or tried to do. */
export interface AuditedAction {
  /** Name of the mutation, or of the registry's operation: `tagImage`, `push`, `signIn`. */
  readonly action: string
  /** Null for what affects no single namespace. */
  readonly namespace: string | null
  /** What is changed, as its users name it: `team/app:v1`. */
  readonly target: string | null
  /** Further facts, without secrets. */
  readonly details?: Readonly<Record<string, unknown>>
}

type Details = AuditedAction['details']

/** Returns an action that concerns a stream. */
export const onStream = (
  action: string,
  { namespace, name }: StreamName,
  details: Details = {},
): AuditedAction => ({ action, namespace, target: `${namespace}/${name}`, details })

/** Returns an action that concerns a tag of a stream. */
export const onTag = (
  action: string,
  { namespace, imageStream, tag }: { namespace: string; imageStream: string; tag: string },
  details: Details = {},
): AuditedAction => ({ action, namespace, target: `${namespace}/${imageStream}:${tag}`, details })

/** Hash that the first entry contains, in place of the one of an entry before it. */
export const FIRST_HASH = new Uint8Array(32)

/** Returns the SHA-256 of the entry's columns as one JSON array, after the hash of the entry before it. */
export function hashOf(entry: Omit<AuditEntry, 'hash'>, previous: Uint8Array): Uint8Array {
  const { sequence, at, principal, principalName, address, requestId } = entry
  const { action, namespace, target, outcome, details } = entry
  const who = [sequence, at, principal, principalName, address, requestId]
  const what = [action, namespace, target, outcome, details]
  return createHash('sha256')
    .update(previous)
    .update(JSON.stringify([...who, ...what]))
    .digest()
}
