import type { RegistryClient } from '../remote/registry-client.ts'
import { createTrust, type Trust } from '../trust/trust.ts'
import type { Domain } from './domain.ts'
import type { SharedParts } from './parts.ts'
import type { RegistryRooms } from './registry.ts'

interface TrustParts {
  readonly domain: Pick<Domain, 'writer'>
  readonly remote: RegistryClient
  readonly registry: RegistryRooms
}

/** Joins trust with its sources: other registries over the network, and the integrated registry's own rows. */
export function openTrust(
  { db, audit, now, log, opened }: SharedParts,
  { domain, remote, registry }: TrustParts,
): Trust {
  const { view, attachments } = registry
  return opened.use(
    createTrust({
      db,
      audit,
      now,
      recordUpdate: domain.writer.recordUpdate,
      sources: {
        open: (place, signal) =>
          attachments && place.registry === view.host()
            ? attachments(place)
            : remote.repository(place, {
                insecure: place.insecure,
                lane: 'trust',
                namespace: place.namespace,
                signal,
              }),
      },
      onInternalError: (error) =>
        log.error({ err: error }, 'cannot read referrers or signatures of an image'),
    }),
  )
}
