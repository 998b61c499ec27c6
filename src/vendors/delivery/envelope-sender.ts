import { InvalidEnvelopeError, readEnvelope } from '../../oci/distribution-events.ts'
import { authenticateToken } from './authenticity.ts'
import { textOfBody } from './body.ts'
import { createHintCollector } from './hints.ts'
import { postOf, pushEventOf } from './sample-delivery.ts'
import {
  type Delivery,
  InvalidDeliveryError,
  type ParsedDelivery,
  type Sender,
  type SenderEndpoint,
} from './sender.ts'

/**
 * CNCF distribution and registries that are built on it. It repeats a refused delivery before all others, so an invalid
 * one is read as one without changes. Requests of this server return as `pull` events.
 */
export const envelopeSender = (
  sender: Pick<Sender, 'kind' | 'title'> & {
    readonly steps: (endpoint: SenderEndpoint) => readonly string[]
  },
): Sender => ({
  kind: sender.kind,
  title: sender.title,
  authenticity: 'TOKEN',
  methods: ['POST'],
  settings: {},
  authenticate: async (delivery, secrets) => authenticateToken(delivery, secrets),
  read,
  setUp: sender.steps,
  sample: ({ secret }, image) =>
    postOf(
      { events: [pushEventOf(image)] },
      {
        headers: {
          'content-type': 'application/vnd.docker.distribution.events.v2+json',
          authorization: `Bearer ${secret}`,
        },
      },
    ),
})

function read({ body }: Delivery): ParsedDelivery {
  const hints = createHintCollector()
  const ids: string[] = []
  for (const entry of entriesOf(body)) {
    if (entry.kind !== 'event') {
      hints.ignore(entry.kind === 'ignored' ? entry.what : entry.message)
      continue
    }
    const { event, host } = entry
    ids.push(event.eventId)
    if (event.action === 'push' && event.tag === null) hints.ignore('push by digest')
    else hints.add({ ...event, registry: host })
  }
  return hints.parsed(ids.join(' '))
}

function entriesOf(body: Uint8Array): ReturnType<typeof readEnvelope> {
  try {
    return readEnvelope(textOfBody(body))
  } catch (error) {
    if (!(error instanceof InvalidEnvelopeError || error instanceof InvalidDeliveryError)) throw error
    return [{ kind: 'invalid', message: error.message }]
  }
}
