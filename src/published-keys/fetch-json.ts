import { Deadline } from '../concurrency/abort.ts'
import type { Route } from '../egress/route.ts'
import { parseJson } from '../oci/json.ts'

/** Sends an HTTP GET request; rejects when there is no response. */
export type JsonRequest = (
  url: string,
  options: { readonly signal: AbortSignal; readonly maxBytes: number; readonly route?: Route | undefined },
) => Promise<{ readonly status: number; readonly body: Uint8Array }>

/** Fetches a JSON document, by the route if one is given. Rejects unless the status is 200. */
export type FetchJson = (url: string, route?: Route) => Promise<unknown>

/** Bytes of a document. */
const MAX_BYTES = 256 * 1024
/** Milliseconds for one request. */
const TIMEOUT = 10_000

/** Returns a function that fetches documents of issuers. Its errors contain no part of a response. */
export const createJsonFetcher =
  (request: JsonRequest): FetchJson =>
  async (url, route) => {
    using deadline = new Deadline(TIMEOUT)
    const { status, body } = await request(url, { signal: deadline.signal, maxBytes: MAX_BYTES, route })
    const { host } = new URL(url)
    if (status !== 200) throw new Error(`${host} responds with status ${status}`)
    const document = parseJson(body)
    if (document === undefined) throw new Error(`${host} responds with no JSON`)
    return document
  }
