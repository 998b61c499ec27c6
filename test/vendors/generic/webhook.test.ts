import { describe, expect, it } from 'vitest'
import { InvalidDeliveryError } from '../../../src/vendors/delivery/delivery.ts'
import { digest, image, NOW, place, read, senders, spelled } from '../../receivers/deliveries.ts'

describe('a delivery of JSON from any sender', () => {
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

  it('may be a CloudEvent with the same JSON as its data', () => {
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

  describe('a CDEvent', () => {
    const repositoryUrl = 'repository_url=ghcr.io%2Facme%2Fapp'
    const event = (type: string, id: unknown) => ({
      specversion: '1.0',
      id: '1',
      source: 'ci',
      type: `dev.cdevents.artifact.${type}`,
      data: { context: {}, subject: { id, type: 'artifact' } },
    })
    const whole = `pkg:oci/app@${digest('7').replace(':', '%3A')}?${repositoryUrl}&tag=v1`

    it.each([
      ['published.0.2.0', whole, [`push ghcr.io/acme/app:v1@${digest('7')}`]],
      ['packaged.0.2.0', `pkg:oci/app?${repositoryUrl}&tag=v1`, ['push ghcr.io/acme/app:v1']],
      ['deleted.0.1.0', whole, [`delete ghcr.io/acme/app:v1@${digest('7')}`]],
      [
        'published.0.2.0',
        `pkg:oci/app@${digest('7')}?${repositoryUrl}`,
        [`push ghcr.io/acme/app@${digest('7')}`],
      ],
    ])('artifact.%s of %s', (type, id, hints) => {
      expect(spelled(read(sender, event(type, id)))).toEqual(hints)
    })

    it('of a signature or a download has no hint', () => {
      expect(read(sender, event('signed.0.1.0', whole))).toMatchObject({
        hints: [],
        note: 'event "dev.cdevents.artifact.signed.0.1.0", ignored',
      })
    })

    it.each([
      undefined,
      7,
      'pkg:npm/app@1.0.0',
      'pkg:oci/app?tag=v1',
      `pkg:oci/app?${repositoryUrl}&tag=-v1`,
      `pkg:oci/app@%zz?${repositoryUrl}`,
    ])('of %j is refused', (id) => {
      expect(() => read(sender, event('published.0.2.0', id))).toThrow(InvalidDeliveryError)
      expect(() => read(sender, event('published.0.2.0', id))).toThrow('pkg:oci/app@sha256')
    })
  })

  it('has webhook-id as its id', () => {
    const headers = { 'webhook-id': 'msg_1' }
    expect(read(sender, { image: 'a/b' }, { headers }).id).toBe('msg_1')
    expect(sender.sample(place('secret'), image).headers).toMatchObject({
      'webhook-timestamp': String(NOW / 1000),
    })
  })

  it.each([
    [{}, 'must have "image"'],
    [
      { image: 'ghcr.io/acme/app:not a tag' },
      'image is "ghcr.io/acme/app:not a tag", which is not a reference',
    ],
    [{ repository: 'Team/App', tag: 'v1' }, `"Team/App" is not a repository's name`],
    [{ repository: 'team/app', tag: '-v1' }, '"-v1" is not a tag'],
    [{ repository: 'team/app', tags: ['v1', { a: 1 }] }, 'an object is not a tag'],
    [{ registry: 'a b', repository: 'team/app' }, `"a b" is not a registry's host`],
    [{ image: 'a/b', action: 'pull' }, 'action is "pull": it must be push or delete'],
  ])('%j is refused, with a reason for the author of the script', (json, message) => {
    expect(() => read(sender, json)).toThrow(InvalidDeliveryError)
    expect(() => read(sender, json)).toThrow(message)
  })
})
