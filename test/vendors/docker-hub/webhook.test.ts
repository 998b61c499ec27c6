import { describe, expect, it } from 'vitest'
import { InvalidDeliveryError } from '../../../src/vendors/delivery/delivery.ts'
import { body, read, senders, spelled } from '../../receivers/deliveries.ts'

describe('a delivery of Docker Hub', () => {
  const { DOCKER_HUB: sender } = senders

  it('has a tag, and neither a digest nor an id', () => {
    expect(read(sender, body('dockerhub'))).toEqual({
      id: null,
      hints: [{ registry: 'docker.io', repository: 'acme/app', tag: '1.2.3', digest: null, action: 'push' }],
      note: 'push of docker.io/acme/app:1.2.3',
    })
  })

  it('has a callback_url that is not in the hint: it is never requested', () => {
    const delivery = JSON.stringify(read(sender, { ...body('dockerhub'), callback_url: 'http://10.0.0.1/' }))
    expect(delivery).not.toContain('10.0.0.1')
  })

  it('for an official image has the namespace library', () => {
    const json = body('dockerhub')
    json.repository.repo_name = 'ruby'
    expect(spelled(read(sender, json))).toEqual(['push docker.io/library/ruby:1.2.3'])
  })

  it('with another body is refused, and the error names the missing part', () => {
    expect(() => read(sender, body('quay'))).toThrow(InvalidDeliveryError)
    expect(() => read(sender, body('quay'))).toThrow('no "push_data" and "repository"')
  })
})
