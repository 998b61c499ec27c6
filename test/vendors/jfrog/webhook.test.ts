import { describe, expect, it } from 'vitest'
import { body, digest, read, senders, spelled } from '../../receivers/deliveries.ts'

describe('a delivery of JFrog', () => {
  const { JFROG: sender } = senders
  const hint = `push acme.jfrog.io/docker-local/team/app:1.2.3@${digest('3')}`

  it('has repository, image, tag and digest in data, and the host in jpd_origin', () => {
    expect(spelled(read(sender, body('jfrog')))).toEqual([hint])
  })

  it('has no host unless JFrog has a base URL: the registry is the webhook’s', () => {
    for (const origin of ['', undefined]) {
      expect(read(sender, { ...body('jfrog'), jpd_origin: origin }).hints[0]).toMatchObject({
        registry: null,
      })
    }
  })

  it('has the name of the local repository; pathPrefix replaces it by the virtual one, or by none', () => {
    const repository = (pathPrefix: string) =>
      read(sender, body('jfrog'), { settings: { pathPrefix } }).hints[0]?.repository
    expect(repository('docker-virtual')).toBe('docker-virtual/team/app')
    expect(repository('')).toBe('team/app')
  })

  it.each([digest('3'), digest('3').replace(':', '__')])(
    'of a push by digest, with the tag %s, changes no tag',
    (tag) => {
      const json = body('jfrog')
      json.data.tag = tag
      expect(read(sender, json)).toMatchObject({ hints: [], note: 'push by digest, ignored' })
      expect(read(sender, { ...json, event_type: 'deleted' }).hints[0]).toMatchObject({
        action: 'delete',
        tag: null,
      })
    },
  )

  it('of type "promoted" is a push, of type "deleted" a deletion; other types are ignored', () => {
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

  it('with the body of a custom webhook is refused', () => {
    expect(() => read(sender, { text: 'pushed' })).toThrow('no "domain" and "data"')
  })
})
