import { describe, expect, it } from 'vitest'
import { InvalidDeliveryError } from '../../../src/vendors/delivery/delivery.ts'
import { body, read, senders, spelled } from '../../receivers/deliveries.ts'

describe('a delivery of Quay', () => {
  const { QUAY: sender } = senders

  it('has a hint for each of its tags', () => {
    expect(spelled(read(sender, body('quay')))).toEqual([
      'push quay.io/acme/app:1.2.3',
      'push quay.io/acme/app:latest',
    ])
  })

  it('has the host of a self-hosted Quay in docker_url', () => {
    const json = { ...body('quay'), docker_url: 'quay.example.com:8443/acme/app' }
    expect(read(sender, json).hints[0]).toMatchObject({ registry: 'quay.example.com:8443' })
  })

  it('whose body was changed by a template is refused with an error that names the remedy', () => {
    expect(() => read(sender, { text: 'acme/app was pushed' })).toThrow(
      /docker_url is not a repository.*template must be empty/,
    )
    expect(() => read(sender, { ...body('quay'), updated_tags: 'latest' })).toThrow(
      /updated_tags is not a list.*Push to Repository.*template must be empty/,
    )
    const { updated_tags: _, ...withoutTags } = body('quay')
    expect(() => read(sender, withoutTags)).toThrow(InvalidDeliveryError)
  })
})
