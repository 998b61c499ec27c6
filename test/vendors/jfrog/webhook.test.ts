import { describe, expect, it } from 'vitest'
import { body, digest, read, senders, spelled } from '../../webhooks/deliveries.ts'

describe('JFrog', () => {
  const { JFROG: sender } = senders
  const hint = `push acme.jfrog.io/docker-local/team/app:1.2.3@${digest('3')}`

  it('data.{repo_key,image_name,tag,sha256}, jpd_origin', () => {
    expect(spelled(read(sender, body('jfrog')))).toEqual([hint])
  })

  it('origin empty unless base URL set: then the registry is the webhook’s', () => {
    for (const origin of ['', undefined]) {
      expect(read(sender, { ...body('jfrog'), jpd_origin: origin }).hints[0]).toMatchObject({
        registry: null,
      })
    }
  })

  it('virtual vs local repo name, or none by subdomain: pathPrefix selects it', () => {
    const repository = (pathPrefix: string) =>
      read(sender, body('jfrog'), { settings: { pathPrefix } }).hints[0]?.repository
    expect(repository('docker-virtual')).toBe('docker-virtual/team/app')
    expect(repository('')).toBe('team/app')
  })

  it.each([digest('3'), digest('3').replace(':', '__')])('a push by digest, with the tag %s', (tag) => {
    const json = body('jfrog')
    json.data.tag = tag
    expect(read(sender, json)).toMatchObject({ hints: [], note: 'push by digest, ignored' })
    expect(read(sender, { ...json, event_type: 'deleted' }).hints[0]).toMatchObject({
      action: 'delete',
      tag: null,
    })
  })

  it('promoted is a push, deleted a deletion, the rest is ignored', () => {
    const json = body('jfrog')
    expect(spelled(read(sender, { ...json, event_type: 'promoted' }))).toEqual([hint])
    expect(spelled(read(sender, { ...json, event_type: 'deleted' }))).toEqual([
      hint.replace('push', 'delete'),
    ])
    expect(read(sender, { ...json, domain: 'artifact', event_type: 'deployed' })).toMatchObject({
      hints: [],
      note: 'event "artifact deployed", ignored',
    })
  })

  it('a custom webhook’s body is refused', () => {
    expect(() => read(sender, { text: 'pushed' })).toThrow('no "domain" and "data"')
  })
})
