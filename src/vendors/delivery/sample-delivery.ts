import { OCI_MANIFEST } from '../../oci/media-types.ts'
import type { Delivery, SampleImage } from './sender.ts'

const CONTENT_TYPE = 'application/json'

/** Returns a POST of JSON; the keys of `headers` are in lower case. */
export function postOf(
  body: unknown,
  {
    headers = {},
    secret,
  }: {
    readonly headers?: Readonly<Record<string, string>>
    /** Added to the URL. */
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

/** Returns a push event in the format of CNCF distribution, which Azure uses too. */
export const pushEventOf = ({ registry, repository, tag, digest }: SampleImage): object => ({
  id: 'sample',
  timestamp: '2026-01-01T00:00:00Z',
  action: 'push',
  target: { mediaType: OCI_MANIFEST, digest, repository, tag },
  request: { host: registry, method: 'PUT' },
})
