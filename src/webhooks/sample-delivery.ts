import type { Delivery } from './sender.ts'

const CONTENT_TYPE = 'application/json'

/** A POST of JSON as a sender would send it; `headers` by their names in lower case. */
export function postOf(
  body: unknown,
  {
    headers = {},
    secret,
  }: {
    readonly headers?: Readonly<Record<string, string>>
    /** Shown in the address. */
    readonly secret?: string
  } = {},
): Delivery {
  return {
    method: 'POST',
    headers: { 'content-type': CONTENT_TYPE, ...headers },
    query: new URLSearchParams(secret === undefined ? {} : { secret }),
    body: Buffer.from(JSON.stringify(body)),
  }
}
