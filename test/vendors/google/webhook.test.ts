import { describe, expect, it } from 'vitest'
import { body, digest, read, senders, spelled } from '../../receivers/deliveries.ts'

describe('a Pub/Sub message of Google’s registries', () => {
  const { GOOGLE: sender } = senders
  const hint = `push us-east1-docker.pkg.dev/p/r/app:v1.2.3@${digest('2')}`
  const push = (data: unknown) => ({
    message: {
      data: Buffer.from(typeof data === 'string' ? data : JSON.stringify(data)).toString('base64'),
      messageId: '7',
    },
  })

  it('has the action and complete references in message.data, as base64', () => {
    const reading = read(sender, body('gar-pubsub-push'))
    expect(spelled(reading)).toEqual([hint])
    expect(reading.id).toBe('2070443601311540')
  })

  it('without the wrapper has the data as its body, and the id in a header', () => {
    const reading = read(sender, body('gar-decoded'), { headers: { 'x-goog-pubsub-message-id': '8' } })
    expect(spelled(reading)).toEqual([hint])
    expect(reading.id).toBe('8')
  })

  it('of an INSERT without a tag changes no tag', () => {
    const { tag: _, ...data } = body('gar-decoded')
    expect(read(sender, push(data))).toMatchObject({ id: '7', hints: [], note: 'push by digest, ignored' })
  })

  it('of a DELETE names a tag or an image', () => {
    const { tag, digest: image } = body('gar-decoded')
    expect(spelled(read(sender, push({ action: 'DELETE', tag })))).toEqual([
      'delete us-east1-docker.pkg.dev/p/r/app:v1.2.3',
    ])
    expect(spelled(read(sender, push({ action: 'DELETE', digest: image })))).toEqual([
      `delete us-east1-docker.pkg.dev/p/r/app@${digest('2')}`,
    ])
  })

  it('that is invalid is noted and not refused, so that Pub/Sub does not repeat it', () => {
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
