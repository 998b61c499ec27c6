import { describe, expect, it } from 'vitest'
import { body, digest, read, senders, spelled } from '../../webhooks/deliveries.ts'

describe('Aliyun', () => {
  const { ALIYUN: sender } = senders

  it('push_data.{tag,digest}, host absent', () => {
    expect(spelled(read(sender, body('aliyun-acr')))).toEqual([`push -/acme/app:latest@${digest('5')}`])
    expect(() => read(sender, {})).toThrow('no "push_data" and "repository"')
  })
})
