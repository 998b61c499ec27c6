import type { KeySource } from '../vendors/delivery/public-keys.ts'

/** Sends an HTTP GET request; rejects when there is no response. */
export type KeyRequest = (
  url: string,
  options: { readonly signal: AbortSignal; readonly maxBytes: number },
) => Promise<{ readonly status: number; readonly body: Uint8Array }>

const MAX_BYTES = 256 * 1024
/** Milliseconds. */
const TIMEOUT = 10_000

/** Returns a function that fetches the public keys of a platform as JSON; it rejects unless the status is 200. */
export const createKeyFetcher =
  (request: KeyRequest): KeySource['fetchKeys'] =>
  async (url) => {
    const { status, body } = await request(url, { signal: AbortSignal.timeout(TIMEOUT), maxBytes: MAX_BYTES })
    if (status !== 200)
      throw new Error(`cannot fetch public keys: ${new URL(url).host} responds with status ${status}`)
    return JSON.parse(Buffer.from(body).toString())
  }
