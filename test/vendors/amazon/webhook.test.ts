import { describe, expect, it } from 'vitest'
import { InvalidDeliveryError } from '../../../src/vendors/delivery/delivery.ts'
import { body, digest, read, senders, spelled } from '../../receivers/deliveries.ts'

describe('an event of Amazon ECR from EventBridge', () => {
  const { ECR: sender } = senders
  const host = '123456789012.dkr.ecr.us-west-2.amazonaws.com'
  const hint = `push ${host}/my-repository-name:latest@${digest('1')}`

  it('has a registry host that consists of the account and the region', () => {
    const reading = read(sender, body('ecr-eventbridge'))
    expect(spelled(reading)).toEqual([hint])
    expect(reading.id).toBe('13cde686-328b-6117-af20-0e5566167482')
  })

  it.each([
    ['cn-north-1', '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn'],
    ['us-gov-west-1', '123456789012.dkr.ecr.us-gov-west-1.amazonaws.com'],
    ['us-iso-east-1', '123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov'],
    ['us-isob-east-1', '123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov'],
    ['eusc-de-east-1', '123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu'],
  ])('has the host name of the partition of the region %s', (region, registry) => {
    expect(read(sender, { ...body('ecr-eventbridge'), region }).hints[0]).toMatchObject({ registry })
  })

  it('with an invalid account or region is refused', () => {
    for (const [key, value] of Object.entries({
      account: 'evil.example.com#',
      region: 'x.evil.example.com/',
    })) {
      expect(() => read(sender, { ...body('ecr-eventbridge'), [key]: value })).toThrow(InvalidDeliveryError)
    }
  })

  it('may have the CloudEvents form that the documented input transformer creates', () => {
    const reading = read(sender, body('ecr-cloudevents-via-input-transformer'))
    expect(spelled(reading)).toEqual([hint])
    expect(reading.id).toBe('urn:aws:ecr:us-west-2:123456789012:repository/my-repository-name#13cde686')
  })

  it('may report a deletion of a tag or of an untagged image, or a replication', () => {
    const event = (detail: object) => {
      const json = body('ecr-eventbridge')
      return read(sender, { ...json, detail: { ...json.detail, ...detail } })
    }
    expect(spelled(event({ 'action-type': 'DELETE' }))).toEqual([hint.replace('push', 'delete')])
    expect(spelled(event({ 'action-type': 'DELETE', 'image-tag': undefined }))).toEqual([
      `delete ${host}/my-repository-name@${digest('1')}`,
    ])
    expect(spelled(event({ 'action-type': 'REPLICATE' }))).toEqual([hint])
  })

  it('has no hint if the action failed, for a push by digest, and for another event type', () => {
    const json = body('ecr-eventbridge')
    const note = (detail: object, more: object = {}) => {
      const reading = read(sender, { ...json, ...more, detail: { ...json.detail, ...detail } })
      expect(reading.hints).toEqual([])
      return reading.note
    }
    expect(note({ result: 'FAILURE' })).toBe('"PUSH" that failed, ignored')
    expect(note({ 'image-tag': '' })).toBe('push by digest, ignored')
    expect(note({ 'action-type': undefined }, { 'detail-type': 'ECR Image Scan' })).toBe(
      'event "ECR Image Scan", ignored',
    )
  })

  it('is refused if another service sent it', () => {
    expect(() => read(sender, { ...body('ecr-eventbridge'), source: 'aws.s3' })).toThrow(
      'not an EventBridge event of aws.ecr',
    )
  })
})
