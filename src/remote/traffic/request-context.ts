import type { Route } from '../../egress/route.ts'

/** Priority of a request in the queue of its host. */
export interface Prioritized {
  /** `webhook` is served first and `schedule` last; undefined for a request of an API client. */
  readonly urgency?: 'webhook' | 'schedule'
}

/** On whose behalf a request is sent, and how its hosts may be connected to. */
export interface RequestContext extends Prioritized {
  /** Accepts plain HTTP and certificates that do not verify. */
  readonly insecure: boolean
  /** Requests of one urgency take turns by lane, so that a large import does not delay a small one. */
  readonly lane: string
  /** The namespace whose credentials are used; null for the server itself. */
  readonly namespace: string | null
  /** Whether the server's own logins may be used where the namespace has no credential; true by default. */
  readonly usesServerLogins?: boolean
  readonly signal: AbortSignal
  /** Returns how to connect to the URL; undefined for the default. Throws BlockedError. */
  readonly routeTo?: (url: URL) => Route | undefined
}

/** The host is blocked by a registry configuration. No connection was opened. */
export class BlockedError extends Error {
  override readonly name = 'BlockedError'

  /** `blockedBy`: `the configuration of quay.io blocks it`. */
  constructor(blockedBy: string) {
    super(blockedBy)
  }
}
