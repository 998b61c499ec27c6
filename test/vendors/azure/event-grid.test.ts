import { describe, expect, it } from 'vitest'
import { InvalidDeliveryError } from '../../../src/vendors/delivery/delivery.ts'
import { SENDER_KINDS } from '../../../src/vendors/senders.ts'
import { body, deliver, digest, place, read, senders, spelled } from '../../webhooks/deliveries.ts'

describe('ACR Event Grid', () => {
  const { AZURE_EVENT_GRID: sender } = senders
  const hint = `push myregistry.azurecr.io/hello-world:v1@${digest('f')}`

  it('array, EventGrid or CloudEvents schema', () => {
    expect(spelled(read(sender, body('acr-eventgrid')))).toEqual([hint])
    expect(spelled(read(sender, body('acr-cloudevents')))).toEqual([hint])
    const [one] = body('acr-cloudevents')
    expect(spelled(read(sender, one))).toEqual([hint])
  })

  it('has the events’ ids as its id in either schema', () => {
    const id = expect.stringMatching(/registries\/myregistry#831e1650-001e-001b-66ab-eeb76e069631$/)
    expect(read(sender, body('acr-eventgrid')).id).toEqual(id)
    expect(read(sender, body('acr-cloudevents')).id).toEqual(id)
  })

  it('SubscriptionValidationEvent ⇒ {validationResponse}', () => {
    expect(read(sender, body('eventgrid-validation'))).toEqual({
      id: null,
      hints: [],
      note: 'handshake of a subscription',
      handshake: { status: 200, body: { validationResponse: '512d38b6-c7b8-40c8-89fe-f46f9e9622b6' } },
    })
  })

  it('a validation without a valid code is refused', () => {
    for (const validationCode of [undefined, '', 7, 'x'.repeat(257)]) {
      const [event] = body('eventgrid-validation')
      expect(() => read(sender, [{ ...event, data: { validationCode } }])).toThrow('no "validationCode"')
    }
  })

  it('CloudEvents ⇒ OPTIONS handshake, WebHook-Allowed-Origin for WebHook-Request-Origin', () => {
    const request = {
      ...deliver('', {
        'webhook-request-origin': 'eventgrid.azure.net',
        'webhook-request-callback': 'http://10.0.0.1/',
      }),
      method: 'OPTIONS',
    }
    expect(sender.methods).toContain('OPTIONS')
    expect(sender.read(request, place('').settings)).toEqual({
      id: null,
      hints: [],
      note: 'handshake of eventgrid.azure.net',
      handshake: {
        status: 200,
        body: null,
        headers: {
          Allow: 'POST',
          'WebHook-Allowed-Origin': 'eventgrid.azure.net',
          'WebHook-Allowed-Rate': '*',
        },
      },
    })
  })

  it('an invalid origin is not returned', () => {
    for (const origin of ['', 'a\r\nSet-Cookie: x', 'http://x/', '*']) {
      const request = { ...deliver('', { 'webhook-request-origin': origin }), method: 'OPTIONS' }
      expect(() => sender.read(request, place('').settings)).toThrow(InvalidDeliveryError)
    }
  })

  it('only Event Grid accepts OPTIONS', () => {
    expect(SENDER_KINDS.filter((kind) => senders[kind].methods.includes('OPTIONS'))).toEqual([
      'AZURE_EVENT_GRID',
    ])
  })

  it('other events are ignored, another body is refused', () => {
    const [event] = body('acr-eventgrid')
    expect(read(sender, [{ ...event, eventType: 'Microsoft.ContainerRegistry.ChartPushed' }]).hints).toEqual(
      [],
    )
    expect(() => read(sender, body('acr-native'))).toThrow('not a list of Event Grid events')
  })
})
