import { describe, expect, it } from 'vitest'
import { body, digest, read, senders, spelled } from '../../webhooks/deliveries.ts'

describe('GAR/GCR Pub/Sub', () => {
  const { GOOGLE: sender } = senders
  const hint = `push us-east1-docker.pkg.dev/p/r/app:v1.2.3@${digest('2')}`
  const push = (data: unknown) => ({
    message: {
      data: Buffer.from(typeof data === 'string' ? data : JSON.stringify(data)).toString('base64'),
      messageId: '7',
    },
  })

  it('base64 message.data → {action,digest,tag} full refs', () => {
    const reading = read(sender, body('gar-pubsub-push'))
    expect(spelled(reading)).toEqual([hint])
    expect(reading.id).toBe('2070443601311540')
  })

  it('without wrapper the body is the data, and a header has the id', () => {
    const reading = read(sender, body('gar-decoded'), { headers: { 'x-goog-pubsub-message-id': '8' } })
    expect(spelled(reading)).toEqual([hint])
    expect(reading.id).toBe('8')
  })

  it('INSERT without tag changes none', () => {
    const { tag: _, ...data } = body('gar-decoded')
    expect(read(sender, push(data))).toMatchObject({ id: '7', hints: [], note: 'push by digest, ignored' })
  })

  it('DELETE of a tag, and of an image', () => {
    const { tag, digest: image } = body('gar-decoded')
    expect(spelled(read(sender, push({ action: 'DELETE', tag })))).toEqual([
      'delete us-east1-docker.pkg.dev/p/r/app:v1.2.3',
    ])
    expect(spelled(read(sender, push({ action: 'DELETE', digest: image })))).toEqual([
      `delete us-east1-docker.pkg.dev/p/r/app@${digest('2')}`,
    ])
  })

  it('ack everything: an invalid message is noted and not refused', () => {
    for (const unreadable of [
      '{',
      '[]',
      {},
      { message: {} },
      push('{'),
      push({ action: 'INSERT', tag: 'HTTP://x' }),
      push({ action: 'UPDATE' }),
      { message: { data: '////' } },
    ]) {
      const reading = read(sender, unreadable)
      expect(reading.hints).toEqual([])
      expect(reading.note).toMatch(/, ignored$/)
    }
  })
})
