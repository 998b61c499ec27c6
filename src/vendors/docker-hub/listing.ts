import type { ApiResponse } from '../../remote/session/vendor-api.ts'
import { OddShapeError } from '../listing/errors.ts'
import { countOf, objectOf, objectsOf, timeOf } from '../listing/response.ts'
import type { RawPage, Vendor } from '../listing/vendor.ts'
import { type VendorClient, withToken } from '../listing/vendor-client.ts'
import { DockerHubLogins } from './login.ts'

const API = 'https://hub.docker.com'
/** Docker Hub's maximum. */
const PAGE_SIZE = 100
/** Pages of an anonymous listing: Docker Hub refuses anonymous offsets of 1000 and more. */
const ANONYMOUS_PAGES = 10
const TOO_FAR = /pagination offset too large/i

/**
 * Docker Hub's listing, newest push first. Its digests may be stale, and some tags have none. An anonymous listing has the
 * newest 1000 tags at most, and ends there incomplete.
 * `remembered` is the number of logins that are cached.
 * Source: Docker Hub API, `GET /v2/repositories/<namespace>/<repository>/tags`.
 */
export function dockerHub(remembered: number): Vendor {
  const logins = new DockerHubLogins(remembered)
  return {
    title: 'Docker Hub',
    newestFirst: true,
    hasHost: (name) => name === 'docker.io',
    serves: (repository) => repository.includes('/'),
    async *pages(client) {
      const credential = await client.credential()
      const loginUrl = client.urlOf('/v2/auth/token', API)
      let token = await logins.get(loginUrl, credential, client)
      let isRenewed = false
      for (let page = 1; token !== null || page <= ANONYMOUS_PAGES; page += 1) {
        const url = urlOf(client, page)
        let response = await client.request(url, withToken(token))
        if (response.status === 401 && token !== null && credential && !isRenewed) {
          // the token was revoked before it expired
          isRenewed = true
          logins.delete(loginUrl, credential)
          token = await logins.get(loginUrl, credential, client)
          response = await client.request(url, { ...withToken(token), mayRepeat: true })
        }
        // the limit may be lower than documented: the pages before it are used
        if (token === null && page > 1 && isTooFar(response)) return
        yield pageOf(await client.jsonOf(url, response, withToken(token)), page)
      }
    },
  }
}

const urlOf = (client: VendorClient, page: number): URL =>
  client.urlOf(
    `/v2/repositories/${client.repository}/tags?page_size=${PAGE_SIZE}&ordering=last_updated&page=${page}`,
    API,
  )

const isTooFar = ({ status, body }: ApiResponse): boolean =>
  status === 403 && TOO_FAR.test(Buffer.from(body.subarray(0, 4096)).toString())

function pageOf(json: unknown, page: number): RawPage {
  const { count, next, results } = objectOf(json)
  const entries = objectsOf(results, 'its list of results')
  const total = countOf(count)
  if (next !== null && typeof next !== 'string') throw new OddShapeError('next is not a URL or null')
  // seen by hexpm/bob#282
  if (page === 1 && entries.length === 0 && total !== null && total > 0) {
    throw new OddShapeError(`it counts ${total} tags and lists none`)
  }
  return {
    tags: entries.map(({ name, digest, tag_last_pushed: pushed, last_updated: updated }) => ({
      tag: name,
      digest,
      changedAt: timeOf(pushed) ?? timeOf(updated),
    })),
    entries: entries.length,
    total,
    // the URL itself is not used: pages are counted by this client
    isComplete: next === null,
  }
}
