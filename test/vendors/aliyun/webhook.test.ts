import { describe, expect, it } from 'vitest'
import { body, digest, read, senders, spelled } from '../../receivers/deliveries.ts'

describe('a delivery of Aliyun', () => {
  const { ALIYUN: sender } = senders

  it('has the tag and digest in push_data, and no host', () => {
    expect(spelled(read(sender, body('aliyun-acr')))).toEqual([`push -/acme/app:latest@${digest('5')}`])
    expect(() => read(sender, {})).toThrow('no "push_data" and "repository"')
  })
})
