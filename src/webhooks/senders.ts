import type { Sender, SenderKind } from './sender.ts'

export interface SendersDependencies {
  /**
   * The JSON document at the address, which is a platform's public keys. Through `egress`, as every connection is; rejects
   * when it cannot be had. Its answers are kept here, and asked for once at a time.
   */
  readonly fetchKeys: (url: string) => Promise<unknown>
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export type Senders = Readonly<Record<SenderKind, Sender>>
