import { describe, expect, it } from 'vitest'
import type { EgressResponse } from '../../../src/egress/exchange.ts'
import { requestToken } from '../../../src/remote/login/token-server.ts'
import type { HostClient } from '../../../src/remote/traffic/host-client.ts'
import type { RequestContext } from '../../../src/remote/traffic/request-context.ts'

const KEPT = 16 * 1024

/** Returns the result of a request for a token to a server that sends this response. */
function tokenFrom(status: number, body: string) {
  const response: EgressResponse = { status, headers: {}, body: Buffer.from(body) }
  const client: Partial<HostClient> = { request: async () => response }
  const context: Partial<RequestContext> = { signal: new AbortController().signal, insecure: false }
  const request = { realm: new URL('https://auth.test/token'), service: 's', scopes: ['a'], login: null }
  return requestToken(client as HostClient, request, { context: context as RequestContext, now: () => 0 })
}

describe('what is kept of a token server’s response', () => {
  it('is a token of at most 16 KiB', async () => {
    const longest = 'x'.repeat(KEPT)

    expect(await tokenFrom(200, JSON.stringify({ token: longest }))).toMatchObject({
      token: { value: longest },
    })
    await expect(tokenFrom(200, JSON.stringify({ token: `${longest}x` }))).rejects.toThrow(
      'its token has more than 16384 characters',
    )
  })

  it('is the beginning of a refusal, without the memory of its rest', async () => {
    const grant = await tokenFrom(403, 'x'.repeat(1024 * 1024))

    const body = 'refused' in grant ? grant.refused.body : undefined
    expect(body?.byteLength).toBe(KEPT)
    expect(body?.buffer.byteLength).toBeLessThan(2 * KEPT)
  })
})
