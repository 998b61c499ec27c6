import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { BodyBudget } from '../../src/request-body/body-budget.ts'
import { readBody } from '../../src/request-body/read-body.ts'

/** A request whose body is emitted by the test. */
function requestWith(headers: IncomingMessage['headers']) {
  const request = Object.assign(new EventEmitter(), { headers, resume: () => {} })
  return {
    request: request as EventEmitter & IncomingMessage,
    chunk: (text: string) => request.emit('data', Buffer.from(text)),
  }
}

describe('a body in memory', () => {
  it('is returned with its exact bytes, announced or not', async () => {
    const text = 'x'.repeat(9_999)
    for (const headers of [{ 'content-length': '10000' }, { 'transfer-encoding': 'chunked' }]) {
      const { request, chunk } = requestWith(headers)
      const body = readBody(request, { maxBytes: 20_000, memory: new BodyBudget(100_000).open('a') })
      for (const part of ['', text.slice(0, 1), text.slice(1, 5_000), text.slice(5_000), '!']) chunk(part)
      request.emit('end')
      expect(String(await body)).toBe(`${text}!`)
    }
  })

  it('counts with the memory that it takes, however small its chunks are, until that is released', async () => {
    const budget = new BodyBudget(100_000)
    const memory = budget.open('a')
    const { request, chunk } = requestWith({ 'transfer-encoding': 'chunked' })
    const body = readBody(request, { maxBytes: 20_000, memory })
    for (let at = 0; at < 10_000; at++) chunk('x')
    expect(budget.held).toBe(4_096 * 4)
    request.emit('end')
    expect((await body).length).toBe(10_000)
    expect(budget.held).toBe(4_096 * 4)
    memory.release()
    expect(budget.held).toBe(0)
  })

  it('counts with the bytes that have arrived, not with those that are announced', () => {
    const budget = new BodyBudget(1_000_000)
    const { request, chunk } = requestWith({ 'content-length': '400000' })
    void readBody(request, { maxBytes: 400_000, memory: budget.open('a') })
    chunk('x'.repeat(5_000))
    expect(budget.held).toBe(5_000)
  })

  it.each([
    ['longer than allowed', 10_001, 413, {}],
    ['above the memory of all requests', 9_000, 503, { 'Retry-After': '5' }],
  ])('that is %s is not read, and keeps nothing', async (_what, length, status, headers) => {
    const budget = new BodyBudget(20_000)
    budget.open('another').hold(9_000)
    budget.open('a third one').hold(3_000)
    const { request, chunk } = requestWith({ 'transfer-encoding': 'chunked' })
    const body = readBody(request, { maxBytes: 10_000, memory: budget.open('a') })
    chunk('x'.repeat(length))
    chunk('more')
    await expect(body).rejects.toMatchObject({ status, headers })
    expect(budget.held).toBe(12_000)
  })

  it('whose client disconnects keeps nothing', async () => {
    const budget = new BodyBudget(20_000)
    const { request, chunk } = requestWith({ 'content-length': '10' })
    const body = readBody(request, { maxBytes: 10_000, memory: budget.open('a') })
    chunk('x')
    request.emit('close')
    await expect(body).rejects.toThrow('the client disconnected')
    expect(budget.held).toBe(0)
  })
})

describe('the memory for bodies', () => {
  it('is at most half of it for one client, all of its requests together', () => {
    const budget = new BodyBudget(100)
    const [first, second, other] = [budget.open('a'), budget.open('a'), budget.open('b')]
    expect([first.hold(40), second.hold(11), second.hold(10), other.hold(50)]).toEqual([
      true,
      false,
      true,
      true,
    ])
    first.release()
    expect(second.hold(50)).toBe(true)
    expect(budget.held).toBe(100)
  })

  it('is not reserved when there is no room, and what was held before is kept', () => {
    const budget = new BodyBudget(100)
    const memory = budget.open('a')
    expect([memory.hold(30), memory.hold(60), budget.held]).toEqual([true, false, 30])
  })
})
