import { describe, expect, it } from 'vitest'
import { SENDER_KINDS } from '../../src/vendors/delivery/sender.ts'
import { body, image, place, read, senders, spell } from './deliveries.ts'

describe('every sender', () => {
  it.each(SENDER_KINDS)('%s is kept under its own kind, and reads its own sample', (kind) => {
    const sender = senders[kind]
    const reading = sender.read(sender.sample(place('secret'), image), place('').settings)

    expect(sender.kind).toBe(kind)
    expect(reading.hints).toHaveLength(1)
    expect(reading.hints[0]).toMatchObject({ tag: 'v1', action: 'push' })
    expect(reading.note).toMatch(/^push of \S*team\/app:v1$/)
  })
})

it('a hint is told once, however often it is sent', () => {
  const reading = read(senders.QUAY, { ...body('quay'), updated_tags: ['a', 'b', 'a'] })
  expect(reading.hints.map(spell)).toEqual(['push quay.io/acme/app:a', 'push quay.io/acme/app:b'])
})
