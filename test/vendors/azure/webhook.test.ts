import { describe, expect, it } from 'vitest'
import { body, digest, read, senders, spelled } from '../../receivers/deliveries.ts'

describe('a delivery of Azure Container Registry', () => {
  const { AZURE: sender } = senders

  it('has the action, the image in target, and the host in request.host', () => {
    const reading = read(sender, body('acr-native'))
    expect(spelled(reading)).toEqual([`push myregistry.azurecr.io/hello-world:v1@${digest('f')}`])
    expect(reading.id).toBe('cb8c3971-9adc-488b-bdd8-43cbb4974ff5')
  })

  it('with the action `ping` is not a push', () => {
    expect(read(sender, body('acr-ping'))).toMatchObject({ hints: [], note: 'ping, ignored' })
  })

  it('with the action `chart_push` has no image', () => {
    expect(read(sender, { ...body('acr-native'), action: 'chart_push' })).toMatchObject({
      hints: [],
      note: 'action "chart_push", ignored',
    })
  })

  it('without a tag is a push by digest, which changes no tag, or a deletion, which may change any tag', () => {
    const json = body('acr-native')
    json.target.tag = ''
    expect(read(sender, json)).toMatchObject({ hints: [], note: 'push by digest, ignored' })
    expect(spelled(read(sender, { ...json, action: 'delete' }))).toEqual([
      `delete myregistry.azurecr.io/hello-world@${digest('f')}`,
    ])
  })
})
