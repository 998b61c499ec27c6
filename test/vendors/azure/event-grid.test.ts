import { describe, expect, it } from 'vitest'
import { InvalidDeliveryError } from '../../../src/vendors/delivery/delivery.ts'
import { SENDER_KINDS } from '../../../src/vendors/senders.ts'
import { body, deliver, digest, place, read, senders, spelled } from '../../receivers/deliveries.ts'

describe('an event of Azure Container Registry from Event Grid', () => {
  const { AZURE_EVENT_GRID: sender } = senders
  const hint = `push myregistry.azurecr.io/hello-world:v1@${digest('f')}`

  it('may have the Event Grid or the CloudEvents schema, in an array or alone', () => {
    expect(spelled(read(sender, body('acr-eventgrid')))).toEqual([hint])
    expect(spelled(read(sender, body('acr-cloudevents')))).toEqual([hint])
    const [one] = body('acr-cloudevents')
    expect(spelled(read(sender, one))).toEqual([hint])
  })

  it('yields the ids of the events as the delivery’s id, in either schema', () => {
    const id = expect.stringMatching(/registries\/myregistry#831e1650-001e-001b-66ab-eeb76e069631$/)
    expect(read(sender, body('acr-eventgrid')).id).toEqual(id)
    expect(read(sender, body('acr-cloudevents')).id).toEqual(id)
  })

  it('of type SubscriptionValidationEvent gets its code in the response, as validationResponse', () => {
    expect(read(sender, body('eventgrid-validation'))).toEqual({
      id: null,
      hints: [],
      note: 'handshake of a subscription',
      handshake: { status: 200, body: { validationResponse: '512d38b6-c7b8-40c8-89fe-f46f9e9622b6' } },
    })
  })

  it('of type SubscriptionValidationEvent is refused without a valid code', () => {
    for (const validationCode of [undefined, '', 7, 'x'.repeat(257)]) {
      const [event] = body('eventgrid-validation')
      expect(() => read(sender, [{ ...event, data: { validationCode } }])).toThrow('no "validationCode"')
    }
  })

  it('is preceded by an OPTIONS handshake, whose response allows the origin in WebHook-Request-Origin', () => {
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

  it('is refused after a handshake with an invalid origin', () => {
    for (const origin of ['', 'a\r\nSet-Cookie: x', 'http://x/', '*']) {
      const request = { ...deliver('', { 'webhook-request-origin': origin }), method: 'OPTIONS' }
      expect(() => sender.read(request, place('').settings)).toThrow(InvalidDeliveryError)
    }
  })

  it('comes from the only kind of sender that may send OPTIONS', () => {
    expect(SENDER_KINDS.filter((kind) => senders[kind].methods.includes('OPTIONS'))).toEqual([
      'AZURE_EVENT_GRID',
    ])
  })

  it('is ignored if it is of another type, and another body is refused', () => {
    const [event] = body('acr-eventgrid')
    expect(read(sender, [{ ...event, eventType: 'Microsoft.ContainerRegistry.ChartPushed' }]).hints).toEqual(
      [],
    )
    expect(() => read(sender, body('acr-native'))).toThrow('not a list of Event Grid events')
  })
})
