import { InvalidEnvelopeError, readEnvelope } from '../../oci/distribution-events.ts'
import { OCI_MANIFEST } from '../../oci/media-types.ts'
import { textOfBody } from './body.ts'
import { InvalidDeliveryError } from './delivery.ts'
import { inAuthorization } from './scheme.ts'
import type { SampleImage, SenderDefinition } from './sender.ts'

/**
 * What senders of CNCF distribution's envelopes have in common. They repeat a refused delivery before all others, so an
 * invalid one is read as one without changes. Requests of this server return as `pull` events.
 */
export const ENVELOPE: Pick<SenderDefinition, 'scheme' | 'read' | 'sample' | 'sampleHeaders'> = {
  scheme: inAuthorization(),
  read({ body }, hints) {
    const ids: string[] = []
    for (const entry of entriesOf(body)) {
      if (entry.kind === 'event') {
        ids.push(entry.event.eventId)
        hints.addTagged({ ...entry.event, registry: entry.host })
      } else hints.ignore(entry.kind === 'ignored' ? entry.what : entry.message)
    }
    return ids.join(' ')
  },
  sample: (image) => ({ events: [pushEventOf(image)] }),
  sampleHeaders: { 'content-type': 'application/vnd.docker.distribution.events.v2+json' },
}

/** Returns a push event in the format of CNCF distribution, which Azure uses too. */
export const pushEventOf = ({ registry, repository, tag, digest }: SampleImage): object => ({
  id: 'sample',
  timestamp: '2026-01-01T00:00:00Z',
  action: 'push',
  target: { mediaType: OCI_MANIFEST, digest, repository, tag },
  request: { host: registry, method: 'PUT' },
})

function entriesOf(body: Uint8Array): ReturnType<typeof readEnvelope> {
  try {
    return readEnvelope(textOfBody(body))
  } catch (error) {
    if (!(error instanceof InvalidEnvelopeError || error instanceof InvalidDeliveryError)) throw error
    return [{ kind: 'invalid', message: error.message }]
  }
}
