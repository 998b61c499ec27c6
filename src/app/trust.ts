import type { RegistryClient } from '../remote/registry-client.ts'
import { createTrust, type Trust } from '../trust/trust.ts'
import type { SharedParts } from './parts.ts'
import type { RegistryRooms } from './registry.ts'

/** Joins trust with its sources: other registries over the network, and the integrated registry's own rows. */
export function openTrust(
  { db, now, log, opened }: SharedParts,
  { remote, registry }: { readonly remote: RegistryClient; readonly registry: RegistryRooms },
): Trust {
  const { view, attachments } = registry
  return opened.use(
    createTrust({
      db,
      now,
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
