import { describe, expect, it } from 'vitest'
import { body, digest, read, senders, spelled } from '../../receivers/deliveries.ts'

describe('a delivery of zot', () => {
  const { ZOT: sender } = senders
  const { _http_headers: wire, _body: data } = body('zot-binary-mode')
  const headers = Object.fromEntries(
    Object.entries(wire).map(([name, value]) => [name.toLowerCase(), String(value)]),
  )

  it('is a CloudEvent in binary mode with name, reference and digest, and no host', () => {
    const reading = read(sender, data, { headers })
    expect(spelled(reading)).toEqual([`push -/acme/app:1.2.3@${digest('4')}`])
    expect(reading.id).toBe('zotregistry.dev#8c0e')
  })

  it('may be a CloudEvent in structured mode', () => {
    const event = {
      specversion: '1.0',
      id: '8c0e',
      source: 'zotregistry.dev',
      type: headers['ce-type'],
      data,
    }
    expect(read(sender, event)).toEqual(read(sender, data, { headers }))
  })

  it('may have a digest as reference', () => {
    const byDigest = { ...data, reference: digest('4') }
    expect(read(sender, byDigest, { headers })).toMatchObject({ hints: [], note: 'push by digest, ignored' })
    expect(
      spelled(read(sender, byDigest, { headers: { ...headers, 'ce-type': 'zotregistry.image.deleted' } })),
    ).toEqual([`delete -/acme/app@${digest('4')}`])
  })

  it('of another type is ignored, and a body that is not a CloudEvent is refused', () => {
    const created = { ...headers, 'ce-type': 'zotregistry.repository.created' }
    expect(read(sender, { name: 'acme/app' }, { headers: created })).toMatchObject({
      hints: [],
      note: 'event "zotregistry.repository.created", ignored',
    })
    expect(() => read(sender, data)).toThrow('no CloudEvents')
  })
})
