import type { ApiResponse } from '../../remote/session/vendor-api.ts'
import { bearing, type Desk } from '../listing/desk.ts'
import { OddShapeError } from '../listing/errors.ts'
import { countOf, objectOf, objectsOf, timeOf } from '../listing/json.ts'
import type { ToldPage, Vendor } from '../listing/vendor.ts'
import { DockerHubLogins } from './hub-login.ts'

const API = 'https://hub.docker.com'
/** The most that it gives in one page, whatever is asked for. */
const PAGE_SIZE = 100
/** Pages that it gives to who did not sign in: it refuses offsets from a thousand on. */
const ANONYMOUS_PAGES = 10
const TOO_FAR = /pagination offset too large/i

/**
 * Docker Hub's own listing, newest push first. Its digests can be stale, and once went backwards; some tags have none.
 * Who did not sign in is given the newest thousand tags at most, and the listing ends there without being complete.
 * Source: Docker Hub API, `GET /v2/repositories/<namespace>/<repository>/tags`.
 */
export function dockerHub({ remembered }: { readonly remembered: number }): Vendor {
  const logins = new DockerHubLogins(remembered)
  return {
    title: 'Docker Hub',
    newestFirst: true,
    serves: (repository) => repository.includes('/'),
    async *pages(desk) {
      const credential = await desk.credential()
      const login = desk.at(API, '/v2/auth/token')
      let token = await logins.get(login, credential, desk)
      let renewed = false
      for (let page = 1; token !== null || page <= ANONYMOUS_PAGES; page += 1) {
        const url = addressOf(desk, page)
        let answer = await desk.dial(url, bearing(token))
        if (answer.status === 401 && token !== null && credential && !renewed) {
          // given up before its time
          renewed = true
          logins.forget(login, credential)
          token = await logins.get(login, credential, desk)
          answer = await desk.dial(url, { ...bearing(token), mayRepeat: true })
        }
        // some are refused earlier than others: what was read until here stands
        if (token === null && page > 1 && isTooFar(answer)) return
        const told = pageOf(await desk.jsonOf(url, answer, bearing(token)), page)
        yield told
        if (told.isComplete) return
      }
    },
  }
}

const addressOf = (desk: Desk, page: number): URL =>
  desk.at(
    API,
    `/v2/repositories/${desk.repository}/tags?page_size=${PAGE_SIZE}&ordering=last_updated&page=${page}`,
  )

const isTooFar = ({ status, body }: ApiResponse): boolean =>
  status === 403 && TOO_FAR.test(Buffer.from(body.subarray(0, 4096)).toString())

function pageOf(json: unknown, page: number): ToldPage {
  const { count, next, results } = objectOf(json, 'its answer')
  const entries = objectsOf(results, 'its list of results')
  const total = countOf(count)
  if (next !== null && typeof next !== 'string')
    throw new OddShapeError('it does not say whether there is more')
  // hexpm met this: an answer that looks well and has nothing in it
  if (page === 1 && entries.length === 0 && total !== null && total > 0) {
    throw new OddShapeError(`it counts ${total} tags and tells none of them`)
  }
  return {
    tags: entries.map(({ name, digest, tag_last_pushed: pushed, last_updated: updated }) => ({
      tag: name,
      digest,
      changedAt: timeOf(pushed) ?? timeOf(updated),
    })),
    entries: entries.length,
    total,
    // only whether there is a next page is read, never where: pages are counted here
    isComplete: next === null,
  }
}
