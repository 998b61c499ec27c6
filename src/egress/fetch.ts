import type { Egress, EgressRequest } from './egress.ts'
import { ConnectionError } from './errors.ts'

/** What a library passes to its `fetch`. */
interface FetchOptions {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}

/** A `fetch` for libraries that take one. */
export type Fetch = (url: string, options: FetchOptions) => Promise<Response>

/** Limits of each exchange: bytes of the response's body, and milliseconds. */
type FetchLimits = Required<Pick<EgressRequest, 'maxBytes' | 'timeout'>>

const NO_BODY_STATUSES: readonly number[] = [204, 205, 304]

/**
 * Returns a `fetch` whose requests go through the egress. Bodies are texts, form parameters or nothing. Rejects with an
 * EgressError.
 */
export const createEgressFetch =
  ({ request }: Pick<Egress, 'request'>, { maxBytes, timeout }: FetchLimits): Fetch =>
  async (url, { method, headers, body, signal = new AbortController().signal }) => {
    const sent = body == null ? {} : { body: String(body) }
    const response = await request(url, {
      method: method === 'POST' ? 'POST' : 'GET',
      headers,
      ...sent,
      signal,
      maxBytes,
      timeout,
    })
    const { status } = response
    if (status < 200 || status > 599)
      throw new ConnectionError('its response has an invalid status', false, undefined)
    const received = new Headers(
      Object.entries(response.headers).flatMap(([name, value]) =>
        [value ?? []].flat().map((one): [string, string] => [name, one]),
      ),
    )
    const content = NO_BODY_STATUSES.includes(status) ? null : Buffer.from(response.body)
    return new Response(content, { status, headers: received })
  }
