import { ExpiringCache } from '../../concurrency/cache.ts'
import type { RegistryError } from '../../oci/registry-error.ts'
import type { Credential } from '../../remote/login/credentials.ts'
import type { ApiResponse } from '../../remote/session/vendor-api.ts'
import type { Desk } from '../listing/desk.ts'
import { OddShapeError } from '../listing/errors.ts'
import { listOf, objectOf, objectsOf, parseJson, timeOf } from '../listing/json.ts'
import { nextPageOf } from '../listing/next-page.ts'
import type { ToldPage, Vendor } from '../listing/vendor.ts'

const API = 'https://api.github.com'
/** Milliseconds that a page, and whose the packages are, is remembered. */
const REMEMBERED_FOR = 24 * 3_600_000
/** Tags of a page beyond which it is not remembered: an image may have any number. */
const MAX_KEPT_TAGS = 1000
const OWNERS = ['orgs', 'users'] as const

interface KeptPage {
  readonly etag: string
  readonly told: ToldPage
}

/**
 * GitHub's listing of the versions of a package, newest push first, with those that have no tag: a version's name is its
 * digest. It asks for a token even where anybody may pull; the first page is asked for with the ETag that it had, as an
 * unchanged one is not counted. An old version that is tagged anew stays where it was.
 * Source: GitHub REST API, package versions for a package owned by an organization, or by a user.
 */
export function github({ remembered }: { readonly remembered: number }): Vendor {
  const firstPages = new ExpiringCache<KeptPage>(remembered)
  const owners = new ExpiringCache<(typeof OWNERS)[number]>(remembered)

  /** The first page of whom the owner is: an organization's packages are found at another place than a user's. */
  const firstOf = async (desk: Desk, question: Signed): Promise<{ told: ToldPage; of: string }> => {
    const owner = desk.repository.split('/')[0] ?? ''
    const known = owners.get(owner, desk.now())
    const places = known ? [known, ...OWNERS.filter((place) => place !== known)] : OWNERS
    let missing: RegistryError | undefined
    for (const place of places) {
      const url = addressOf(desk, place, 1)
      const key = `${url.href} ${question.id}`
      const kept = firstPages.get(key, desk.now())
      const headers = { ...question.headers, ...(kept && { 'if-none-match': kept.etag }) }
      const answer = await desk.dial(url, { ...question, headers })
      if (answer.status === 304 && kept) return { told: kept.told, of: place }
      if (answer.status === 404) {
        missing = await desk.refusal(url, answer, question)
        continue
      }
      if (answer.status !== 200) throw await desk.refusal(url, answer, question)
      const told = pageOf(answer, url)
      owners.set(owner, place, desk.now() + REMEMBERED_FOR)
      const { etag } = answer.headers
      const isSmall = told.tags.length <= MAX_KEPT_TAGS
      if (typeof etag === 'string' && isSmall)
        firstPages.set(key, { etag, told }, desk.now() + REMEMBERED_FOR)
      return { told, of: place }
    }
    throw missing
  }

  return {
    title: 'GitHub',
    newestFirst: true,
    serves: (repository, credential) => repository.includes('/') && tokenOf(credential) !== null,
    async *pages(desk) {
      const question = questionOf(await desk.credential())
      const first = await firstOf(desk, question)
      yield first.told
      for (let page = 2, isLast = first.told.isComplete; !isLast; page += 1) {
        const url = addressOf(desk, first.of, page)
        const answer = await desk.dial(url, question)
        if (answer.status !== 200) throw await desk.refusal(url, answer, question)
        const told = pageOf(answer, url)
        yield told
        isLast = told.isComplete
      }
    },
  }
}

interface Signed {
  /** Of the credential. */
  readonly id: string
  readonly headers: Readonly<Record<string, string>>
  readonly shown: readonly string[]
}

function tokenOf(credential: Credential | null): string | null {
  const secret = credential?.secret
  return secret?.kind === 'password' ? secret.password : secret?.kind === 'registry' ? secret.token : null
}

const questionOf = (credential: Credential | null): Signed => {
  const token = tokenOf(credential) ?? ''
  return {
    id: credential?.id ?? '',
    headers: {
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
      authorization: `Bearer ${token}`,
    },
    shown: [token],
  }
}

function addressOf(desk: Desk, place: string, page: number): URL {
  const [owner = '', ...rest] = desk.repository.split('/')
  const name = encodeURIComponent(rest.join('/'))
  const path = `/${place}/${owner}/packages/container/${name}/versions`
  return desk.at(API, `${path}?state=active&per_page=100&page=${page}`)
}

function pageOf(answer: ApiResponse, url: URL): ToldPage {
  const versions = objectsOf(parseJson(answer), 'its answer')
  const created = versions.map(({ created_at: at }) => timeOf(at) ?? 0)
  if (created.some((time, at) => time > (created[at - 1] ?? Number.POSITIVE_INFINITY))) {
    // who reads no further than to what is known would miss what changed
    throw new OddShapeError('its versions do not come newest first')
  }
  return {
    tags: versions.flatMap(({ name, updated_at: updated, metadata }) => {
      const { container } = objectOf(metadata, "a version's metadata")
      const { tags } = objectOf(container, "a version's metadata")
      const changedAt = timeOf(updated)
      return listOf(tags, "a version's list of tags").map((tag) => ({ tag, digest: name, changedAt }))
    }),
    entries: versions.length,
    // it counts versions, of which some have no tag and some have many
    total: null,
    isComplete: nextPageOf(answer, url.pathname + url.search) === undefined,
  }
}
