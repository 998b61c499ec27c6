import type { Logger } from 'pino'
import type { Database } from '../db/open.ts'
import type { RegistryClient } from '../remote/registry-client.ts'
import { createTrust, type Trust } from '../trust/trust.ts'
import type { RegistryRooms } from './registry.ts'

export interface TrustParts {
  readonly db: Database
  readonly remote: RegistryClient
  readonly registry: Pick<RegistryRooms, 'view' | 'attachments'>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Logger
}

/** Joins trust with its sources: other registries over the network, and the integrated registry's own rows. */
export function openTrust({ db, remote, registry, now, log }: TrustParts): Trust {
  const { view, attachments } = registry
  const isOwn = (host: string): boolean => host === view.host() || host === view.publicHost
  return createTrust({
    db,
    now,
    sources: {
      open: (place, signal) =>
        attachments && isOwn(place.registry)
          ? attachments(place)
          : remote.repository(place, {
              insecure: place.insecure,
              lane: 'trust',
              namespace: place.namespace,
              signal,
            }),
    },
    onInternalError: (error) => log.error({ err: error }, 'cannot read referrers or signatures of an image'),
  })
}
