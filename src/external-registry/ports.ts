import type { Transaction } from '../db/transact.ts'
import type { RemoteOptions, RemoteRegistry } from '../imagestream/image/remote-registry.ts'
import type { Digest } from '../oci/digest.ts'
import type { TagName } from '../oci/tag.ts'

/** What the external registry told of itself, kept and not yet worked off; ids ascend in the order of arrival. */
export interface ExternalNotification {
  readonly id: number
  readonly action: 'push' | 'delete'
  /** The repository's path, as the registry has it. */
  readonly repository: string
  /** Null for a manifest by its digest. */
  readonly tag: TagName | null
  /** Of a push always there; a deletion with neither tag nor digest is the whole repository's. */
  readonly digest: Digest | null
  /** Milliseconds since 1970, by the registry's clock. */
  readonly occurredAt: number
}

/** Where notifications wait; `app.ts` joins it to the inbox in `registry/`. */
export interface ExternalInbox {
  /** What is not done, in order of arrival, from behind this id on. */
  open(limit: number, after: number): ExternalNotification[]
  done(tx: Transaction, id: number): void
  /** Whether something later is done already for the tag, or might be and is forgotten. */
  isOutdated(notification: ExternalNotification): boolean
  /** Whether the registry told of a later push of the tag, done or not. */
  knowsLaterPush(event: {
    readonly repository: string
    readonly tag: TagName
    readonly occurredAt: number
  }): boolean
  /** Keeps what was seen without being told, null for a tag that is gone: older news of the tag are late from now on. */
  saw(
    tx: Transaction,
    sighting: {
      readonly repository: string
      readonly tag: TagName
      readonly digest: Digest | null
      /** When the registry was asked; milliseconds since 1970. */
      readonly at: number
    },
  ): void
}

/** The registry, as its client in `remote/` reads it. */
export interface ExternalRemote extends RemoteRegistry {
  /** Every repository, page by page. Throws RegistryError, or the signal's reason once it is aborted. */
  repositories(registry: string, options: RemoteOptions): AsyncIterable<readonly string[]>
}
