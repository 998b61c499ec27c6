import type { Logger } from 'pino'
import type { Database } from '../db/open.ts'
import { RegistryError } from '../oci/registry-error.ts'
import type { Attachments } from '../registry/content/attachments.ts'
import type { RepositoryName } from '../registry/protocol/repository-name.ts'
import type { RegistryClient } from '../remote/registry-client.ts'
import type { ArtifactSource, Place } from '../trust/referrer/artifact-source.ts'
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

/** What is told beside the first thousand: whether there are more. */
const MAX_REFERRERS = 1000

/** What is attached to images: of other registries over the network, of the integrated one from its own rows. */
export function openTrust({ db, remote, registry, now, log }: TrustParts): Trust {
  const { view, attachments } = registry
  const isOwn = (host: string): boolean => host === view.host() || host === view.publicHost
  return createTrust({
    db,
    now,
    sources: {
      open: (place, signal) =>
        attachments && isOwn(place.registry)
          ? ownSource(attachments, place)
          : remote.repository(place, {
              insecure: place.insecure,
              lane: 'trust',
              namespace: place.namespace,
              signal,
            }),
    },
    onInternalError: (error) => log.error({ err: error }, 'what is attached to an image could not be told'),
  })
}

function ownSource(attachments: Attachments, { registry, repository }: Place): ArtifactSource {
  const name: RepositoryName = {
    namespace: repository.slice(0, repository.indexOf('/')),
    name: repository.slice(repository.indexOf('/') + 1),
  }
  const there = <Content>(content: Content | undefined, what: string): Content => {
    if (content !== undefined) return content
    const message = `${registry} does not have ${what} of ${repository}`
    throw new RegistryError(message, { reason: 'NotFound', registry, repository })
  }
  return {
    async listReferrers(subject, artifactType) {
      const found = attachments.referrers(name, subject, { artifactType, limit: MAX_REFERRERS })
      const isComplete = found.length <= MAX_REFERRERS
      return { descriptors: found.slice(0, MAX_REFERRERS), source: 'API', isComplete }
    },
    digestOfTag: async (tag) => attachments.digestOfTag(name, tag) ?? null,
    fetchManifest: async (digest) => there(attachments.manifest(name, digest), `the manifest ${digest}`),
    fetchAttachment: async ({ digest }, maxBytes) =>
      there(await attachments.blob(name, digest, maxBytes), `the attachment ${digest}`),
  }
}
