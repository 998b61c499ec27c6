import { describe, expect, it } from 'vitest'
import { InvalidDeliveryError } from '../../../src/vendors/delivery/delivery.ts'
import { body, read, senders, spelled } from '../../webhooks/deliveries.ts'

describe('Docker Hub', () => {
  const { DOCKER_HUB: sender } = senders

  it('no digest, no id', () => {
    expect(read(sender, body('dockerhub'))).toEqual({
      id: null,
      hints: [{ registry: 'docker.io', repository: 'acme/app', tag: '1.2.3', digest: null, action: 'push' }],
      note: 'push of docker.io/acme/app:1.2.3',
    })
  })

  it('don’t call callback_url: it is not part of the hint', () => {
    const told = JSON.stringify(read(sender, { ...body('dockerhub'), callback_url: 'http://10.0.0.1/' }))
    expect(told).not.toContain('10.0.0.1')
  })

  it('an official image has the namespace library', () => {
    const json = body('dockerhub')
    json.repository.repo_name = 'ruby'
    expect(spelled(read(sender, json))).toEqual(['push docker.io/library/ruby:1.2.3'])
  })

  it('another body is refused, and the error names the missing part', () => {
    expect(() => read(sender, body('quay'))).toThrow(InvalidDeliveryError)
    expect(() => read(sender, body('quay'))).toThrow('no "push_data" and "repository"')
  })
})
