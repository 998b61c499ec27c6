import { describe, expect, it } from 'vitest'
import { body, digest, read, senders, spelled } from '../../receivers/deliveries.ts'

describe('a delivery of Harbor', () => {
  const { HARBOR: sender } = senders
  const hint = `push harbor.example.com/acme/team/app:1.2.3@${digest('e')}`

  it('has a hint for each of event_data.resources, with the host in resource_url', () => {
    const reading = read(sender, body('harbor-default'))
    expect(spelled(reading)).toEqual([hint])
    expect(reading.id).toBeNull()
  })

  it('may be a CloudEvent of type harbor.artifact.pushed', () => {
    const reading = read(sender, body('harbor-cloudevents'), {
      headers: { 'content-type': 'application/cloudevents+json' },
    })
    expect(spelled(reading)).toEqual([hint])
    expect(reading.id).toBe('/projects/1/webhook/policies/3#4b2f89a6-548d-4c12-9993-a1f5790b97d2')
  })

  it('may have a digest as tag (harbor#20939): any tag may have changed', () => {
    expect(spelled(read(sender, body('harbor-digest-as-tag')))).toEqual([
      `push harbor.example.com/acme/team/app@${digest('e')}`,
    ])
  })

  it('of a deletion has a hint for each tag of the image', () => {
    const json = { ...body('harbor-default'), type: 'DELETE_ARTIFACT' }
    json.event_data.resources.push({ ...json.event_data.resources[0], tag: 'latest' })
    expect(read(sender, json).hints.map(({ action, tag }) => `${action} ${tag}`)).toEqual([
      'delete 1.2.3',
      'delete latest',
    ])
  })

  it.each(['PULL_ARTIFACT', 'SCANNING_COMPLETED', 'REPLICATION', 'harbor.artifact.pulled'])(
    'of type %s is ignored',
    (type) => {
      expect(read(sender, { ...body('harbor-default'), type })).toMatchObject({
        hints: [],
        note: `event "${type}", ignored`,
      })
    },
  )

  it('without type or resources is refused', () => {
    expect(() => read(sender, {})).toThrow('no "type"')
    expect(() => read(sender, { type: 'PUSH_ARTIFACT' })).toThrow('no list "resources"')
  })
})
