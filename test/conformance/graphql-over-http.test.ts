import { serverAudits } from 'graphql-http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Api, startApi } from '../http/api.ts'

let api: Api
beforeAll(async () => {
  api = await startApi()
})
afterAll(() => api[Symbol.asyncDispose]())

describe('GraphQL over HTTP', () => {
  const audits = serverAudits({ url: () => api.url, fetchFn: fetch })

  it('has 61 audits', () => {
    expect(audits).toHaveLength(61)
  })

  for (const audit of audits) {
    it(`${audit.name} (${audit.id})`, async () => {
      const result = await audit.fn()
      expect(result.status, 'reason' in result ? result.reason : '').toBe('ok')
    })
  }
})
