import type { Credential } from '../../remote/login/credentials.ts'
import { hasTokenServer } from '../listing/detect.ts'
import { OddShapeError } from '../listing/errors.ts'
import { objectOf, objectsOf, timestampOf } from '../listing/response.ts'
import type { RawPage, Vendor } from '../listing/vendor.ts'
import { withToken } from '../listing/vendor-client.ts'

const API = 'https://quay.io'
const SECOND = 1000

/**
 * Quay's listing, newest move first, with earlier moves: a tag that was moved, deleted or has expired has an `end_ts`, and
 * one that will expire has one in the future. It accepts OAuth tokens only: the passwords of users and robot accounts are
 * not sent to it. Source: quay/quay, endpoints/api/tag.py.
 */
export const quay: Vendor = {
  title: 'Quay',
  newestFirst: true,
  hasHost: (name) => name === 'quay.io',
  sends: hasTokenServer('/v2/auth'),
  serves: (repository) => repository.includes('/'),
  async *pages(client) {
    let token = oauthTokenOf(await client.credential())
    for (let page = 1; ; page += 1) {
      const path = `/api/v1/repository/${client.repository}/tag/?limit=100&page=${page}`
      const url = client.registry === 'quay.io' ? client.urlOf(path, API) : await client.registryUrlOf(path)
      let response = await client.request(url, withToken(token))
      if (token !== null && (response.status === 401 || response.status === 403)) {
        // the repository may be public although the token is refused
        token = null
        response = await client.request(url, withToken(null))
      }
      yield pageOf(await client.jsonOf(url, response, withToken(token)), client.now())
    }
  },
}

/** Returns an OAuth token, also one in the form of `docker login -u '$oauthtoken'`; null for any other credential. */
function oauthTokenOf(credential: Credential | null): string | null {
  const secret = credential?.secret
  if (secret?.kind === 'registry') return secret.token
  return secret?.kind === 'password' && secret.username === '$oauthtoken' ? secret.password : null
}

function pageOf(json: unknown, now: number): RawPage {
  const { tags, has_additional: hasMore } = objectOf(json)
  if (typeof hasMore !== 'boolean') throw new OddShapeError('has_additional is not true or false')
  const rows = objectsOf(tags, 'its list of tags').map((row) => ({
    tag: row.name,
    digest: row.manifest_digest,
    from: timestampOf(row.start_ts, SECOND),
    until: timestampOf(row.end_ts, SECOND),
  }))
  const hasEnded = (until: number | null): boolean => until !== null && until <= now
  return {
    tags: rows
      .filter(({ until }) => !hasEnded(until))
      .map(({ tag, digest, from }) => ({ tag, digest, changedAt: from })),
    moves: rows.map((row) => ({ ...row, until: hasEnded(row.until) ? row.until : null })),
    entries: rows.length,
    isComplete: !hasMore,
  }
}
