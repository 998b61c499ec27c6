import { describe, expect, it } from 'vitest'
import { body, digest, read, senders, spelled } from '../../receivers/deliveries.ts'

describe('a delivery of Nexus', () => {
  const { NEXUS: sender } = senders

  it('has the tag or digest in the path of the asset, and no host', () => {
    expect(spelled(read(sender, body('nexus-asset')))).toEqual(['push -/acme/app:1.2.3'])
    const json = body('nexus-asset')
    json.asset.name = '/v2/acme/team/app/manifests/1.2.3'
    expect(spelled(read(sender, json))).toEqual(['push -/acme/team/app:1.2.3'])
  })

  it('of a component has the tag as version', () => {
    const { asset: _, ...json } = body('nexus-asset')
    const component = { format: 'docker', name: 'acme/app', version: '1.2.3' }
    expect(spelled(read(sender, { ...json, component }))).toEqual(['push -/acme/app:1.2.3'])
  })

  it('of a manifest by its digest changes no tag', () => {
    const json = body('nexus-asset')
    json.asset.name = `v2/acme/app/manifests/${digest('6')}`
    expect(read(sender, json)).toMatchObject({ hints: [], note: 'push by digest, ignored' })
    expect(spelled(read(sender, { ...json, action: 'DELETED' }))).toEqual([
      `delete -/acme/app@${digest('6')}`,
    ])
  })

  it('of a blob or of another format is ignored', () => {
    const json = body('nexus-asset')
    json.asset.name = `v2/-/blobs/${digest('6')}`
    expect(read(sender, json).note).toBe('asset that is not a manifest, ignored')
    json.asset.format = 'npm'
    expect(read(sender, json).note).toBe('"npm", which is not docker, ignored')
  })

  it('has pathPrefix before the name, and its id in a header', () => {
    const reading = read(sender, body('nexus-asset'), {
      settings: { pathPrefix: 'docker-hosted' },
      headers: { 'x-nexus-webhook-delivery': 'n-1' },
    })
    expect(spelled(reading)).toEqual(['push -/docker-hosted/acme/app:1.2.3'])
    expect(reading.id).toBe('n-1')
  })

  it('with another body is refused', () => {
    expect(() => read(sender, {})).toThrow('neither "asset" nor "component"')
  })
})
