import type { receivers } from '../db/tables/receiver.ts'
import type { SenderSettings } from '../vendors/delivery/sender.ts'
import type { SenderKind } from '../vendors/senders.ts'

export type ReceiverRow = typeof receivers.$inferSelect

/** A URL to which a sender delivers notifications of pushes, and their scope. Times are milliseconds since 1970. */
export interface Receiver
  extends Omit<ReceiverRow, 'sender' | 'aliases' | 'repositories' | 'settings' | 'enabled' | 'registry'> {
  readonly sender: SenderKind
  /** `host[:port]` of the registry that its hints are about, in lower case; Docker Hub is `docker.io`. */
  readonly registry: string
  /** Other hosts by which the sender may name that registry. */
  readonly aliases: readonly string[]
  /** Paths of whole segments that hints may be about; empty for every repository. */
  readonly repositories: readonly string[]
  readonly settings: ReceiverSettings
  readonly enabled: boolean
}

/** Settings of the sender other than the registry; null for a setting that is not set. */
export type ReceiverSettings = Omit<SenderSettings, 'registry'>

/** Milliseconds without a delivery after which polling no longer relies on a receiver. */
export const SILENT_AFTER = 72 * 3_600_000

/** Health of a receiver. */
export type ReceiverState = 'DISABLED' | 'WAITING' | 'HEALTHY' | 'SILENT' | 'FAILING'

/** Returns the health of a receiver: `FAILING` when its newest delivery could not be used, `WAITING` before the first. */
export function stateOf(receiver: Receiver, now: number): ReceiverState {
  if (!receiver.enabled) return 'DISABLED'
  if (receiver.message !== null) return 'FAILING'
  if (receiver.lastAcceptedAt === null) return 'WAITING'
  return now - receiver.lastAcceptedAt > SILENT_AFTER ? 'SILENT' : 'HEALTHY'
}

/** Returns the receiver of a row. */
export const receiverOf = (row: ReceiverRow): Receiver => ({
  ...row,
  sender: row.sender as SenderKind,
  aliases: JSON.parse(row.aliases),
  repositories: JSON.parse(row.repositories),
  settings: JSON.parse(row.settings),
  enabled: row.enabled === 1,
})

/** Returns all settings of the receiver's sender. */
export const settingsOf = ({ registry, settings }: Receiver): SenderSettings => ({ ...settings, registry })

/** Path of all receivers, with the last slash. */
export const RECEIVERS_PATH = '/webhooks/'

/** Returns `/webhooks/<key>`. */
export const pathOf = ({ key }: Pick<Receiver, 'key'>): string => `${RECEIVERS_PATH}${key}`
