import { describe, expect, it } from 'vitest'
import { InvalidDeliveryError } from '../../src/webhooks/sender.ts'
import { digest, image, NOW, place, read, senders, spelled } from './deliveries.ts'

describe('anything that sends JSON', () => {
  const { GENERIC: sender } = senders

  it.each([
    [{ image: 'ghcr.io/acme/app:v1' }, ['push ghcr.io/acme/app:v1']],
    [{ image: 'acme/app' }, ['push docker.io/acme/app:latest']],
    [{ image: `ghcr.io/acme/app:v1@${digest('7')}` }, [`push ghcr.io/acme/app:v1@${digest('7')}`]],
    [{ repository: 'team/app', tag: 'v1' }, ['push -/team/app:v1']],
    [{ repository: 'team/app', tags: ['v1', 'v2'] }, ['push -/team/app:v1', 'push -/team/app:v2']],
    [{ repository: 'team/app' }, ['push -/team/app']],
    [
      { registry: 'quay.io', repository: 'team/app', tag: 'v1', digest: digest('7'), action: 'delete' },
      [`delete quay.io/team/app:v1@${digest('7')}`],
    ],
  ])('%j', (json, hints) => {
    expect(spelled(read(sender, json))).toEqual(hints)
  })

  it('a plain CloudEvent holds the same as its data', () => {
    const event = {
      specversion: '1.0',
      id: '1',
      source: 'ci',
      type: 'pushed',
      data: { image: 'quay.io/a/b:v1' },
    }

    expect(spelled(read(sender, event))).toEqual(['push quay.io/a/b:v1'])
    expect(spelled(read(sender, [event, { ...event, id: '2', data: { image: 'quay.io/a/b:v2' } }]))).toEqual([
      'push quay.io/a/b:v1',
      'push quay.io/a/b:v2',
    ])
    expect(read(sender, event).id).toBe('ci#1')
  })

  it('is named by webhook-id', () => {
    const headers = { 'webhook-id': 'msg_1' }
    expect(read(sender, { image: 'a/b' }, { headers }).id).toBe('msg_1')
    expect(sender.sample(place('secret'), image).headers).toMatchObject({
      'webhook-timestamp': String(NOW / 1000),
    })
  })

  it.each([
    [{}, 'neither "image"'],
    [{ image: 'ghcr.io/acme/app:not a tag' }, 'image is "ghcr.io/acme/app:not a tag", which is no reference'],
    [{ repository: 'Team/App', tag: 'v1' }, `"Team/App" is not a repository's name`],
    [{ repository: 'team/app', tag: '-v1' }, '"-v1" is not a tag'],
    [{ repository: 'team/app', tags: ['v1', { a: 1 }] }, 'an object is not a tag'],
    [{ registry: 'a b', repository: 'team/app' }, `"a b" is not a registry's host`],
    [{ image: 'a/b', action: 'pull' }, 'action is "pull": it may be push or delete'],
  ])('%j is refused, for whoever writes a script reads it', (json, message) => {
    expect(() => read(sender, json)).toThrow(InvalidDeliveryError)
    expect(() => read(sender, json)).toThrow(message)
  })
})
