import type { Credential } from '../../remote/login/credentials.ts'
import { bearing } from '../listing/desk.ts'
import { OddShapeError } from '../listing/errors.ts'
import { objectOf, objectsOf, timestampOf } from '../listing/json.ts'
import type { ToldPage, Vendor } from '../listing/vendor.ts'

const API = 'https://quay.io'
const SECOND = 1000

/**
 * Quay's own listing, newest move first, with what tags meant before: a tag that moved away, was deleted or has expired
 * has an `end_ts`, and one that will expire has one that is yet to come. It takes OAuth tokens alone: robot accounts and
 * passwords are not shown to it, and it is read as anybody.
 * Source: quay/quay, endpoints/api/tag.py.
 */
export const quay: Vendor = {
  title: 'Quay',
  newestFirst: true,
  serves: (repository) => repository.includes('/'),
  async *pages(desk) {
    let token = oauthTokenOf(await desk.credential())
    for (let page = 1; ; page += 1) {
      const path = `/api/v1/repository/${desk.repository}/tag/?limit=100&page=${page}`
      const url = desk.registry === 'quay.io' ? desk.at(API, path) : await desk.atRegistry(path)
      let answer = await desk.dial(url, bearing(token))
      if (token !== null && (answer.status === 401 || answer.status === 403)) {
        // a token that does not open the repository must not close one that anybody may read
        token = null
        answer = await desk.dial(url, bearing(null))
      }
      const told = pageOf(await desk.jsonOf(url, answer, bearing(token)), desk.now())
      yield told
      if (told.isComplete) return
    }
  },
}

/** As `docker login -u '$oauthtoken'` takes it; null for anything else. */
function oauthTokenOf(credential: Credential | null): string | null {
  const secret = credential?.secret
  if (secret?.kind === 'registry') return secret.token
  return secret?.kind === 'password' && secret.username === '$oauthtoken' ? secret.password : null
}

function pageOf(json: unknown, now: number): ToldPage {
  const { tags, has_additional: hasMore } = objectOf(json, 'its answer')
  if (typeof hasMore !== 'boolean') throw new OddShapeError('it does not say whether there is more')
  const rows = objectsOf(tags, 'its list of tags').map((row) => ({
    tag: row.name,
    digest: row.manifest_digest,
    from: timestampOf(row.start_ts, SECOND),
    until: timestampOf(row.end_ts, SECOND),
  }))
  const isOver = (until: number | null): boolean => until !== null && until <= now
  return {
    tags: rows
      .filter(({ until }) => !isOver(until))
      .map(({ tag, digest, from }) => ({ tag, digest, changedAt: from })),
    moves: rows.map((row) => ({ ...row, until: isOver(row.until) ? row.until : null })),
    entries: rows.length,
    total: null,
    isComplete: !hasMore,
  }
}
