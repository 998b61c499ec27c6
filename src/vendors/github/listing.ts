import { ExpiringCache } from '../../concurrency/cache.ts'
import type { RegistryError } from '../../oci/registry-error.ts'
import type { Credential } from '../../remote/login/credentials.ts'
import type { ApiResponse } from '../../remote/session/vendor-api.ts'
import { OddShapeError } from '../listing/errors.ts'
import { listOf, nextPageOf, objectOf, objectsOf, parseResponse, timeOf } from '../listing/response.ts'
import type { RawPage, Vendor } from '../listing/vendor.ts'
import type { VendorClient } from '../listing/vendor-client.ts'

const API = 'https://api.github.com'
/** Milliseconds for which first pages and the kinds of owners are cached. */
const CACHED_FOR = 24 * 3_600_000
/** Tags of a page that is cached: an image may have any number. */
const MAX_CACHED_TAGS = 1000
/** Packages of organizations and of users have different paths. */
const OWNER_KINDS = ['orgs', 'users'] as const
type OwnerKind = (typeof OWNER_KINDS)[number]

interface CachedPage {
  readonly etag: string
  readonly page: RawPage
}

/**
 * GitHub's listing of the versions of a package, newest push first, also those without a tag; a version's name is its
 * digest. It requires a token even for public packages. The first page is requested with its ETag, because an unchanged
 * page does not count against the rate limit; `remembered` is the number of pages that are cached. An old version that is
 * tagged again keeps its position.
 * Source: GitHub REST API, package versions for a package owned by an organization, or by a user.
 */
export function github(remembered: number): Vendor {
  const firstPageOf = createFirstPages(remembered)
  return {
    title: 'GitHub',
    newestFirst: true,
    hasHost: (name) => name === 'ghcr.io',
    serves: (repository, credential) => repository.includes('/') && tokenOf(credential) !== null,
    async *pages(client) {
      const request = requestOf(await client.credential())
      const first = await firstPageOf(client, request)
      yield first.page
      for (let number = 2; ; number += 1) {
        const url = urlOf(client, first.kind, number)
        const response = await client.request(url, request)
        if (response.status !== 200) throw await client.errorOf(url, response, request)
        yield pageOf(response, url)
      }
    },
  }
}

/** Returns a function that requests the first page of a listing, and finds out the kind of its owner. */
function createFirstPages(cached: number) {
  const firstPages = new ExpiringCache<CachedPage>(cached)
  const ownerKinds = new ExpiringCache<OwnerKind>(cached)

  return async (
    client: VendorClient,
    request: ReturnType<typeof requestOf>,
  ): Promise<{ page: RawPage; kind: OwnerKind }> => {
    const owner = client.repository.split('/')[0] ?? ''
    const known = ownerKinds.get(owner, client.now())
    const kinds = known ? [known, ...OWNER_KINDS.filter((kind) => kind !== known)] : OWNER_KINDS
    let notFound: RegistryError | undefined
    for (const kind of kinds) {
      const url = urlOf(client, kind, 1)
      const key = `${url.href} ${request.id}`
      const cachedPage = firstPages.get(key, client.now())
      const headers = { ...request.headers, ...(cachedPage && { 'if-none-match': cachedPage.etag }) }
      const response = await client.request(url, { ...request, headers })
      if (response.status === 304 && cachedPage) return { page: cachedPage.page, kind }
      if (response.status === 404) {
        notFound = await client.errorOf(url, response, request)
        continue
      }
      if (response.status !== 200) throw await client.errorOf(url, response, request)
      const page = pageOf(response, url)
      const until = client.now() + CACHED_FOR
      ownerKinds.set(owner, kind, until)
      const { etag } = response.headers
      if (typeof etag === 'string' && page.tags.length <= MAX_CACHED_TAGS) {
        firstPages.set(key, { etag, page }, until)
      }
      return { page, kind }
    }
    throw notFound
  }
}

function tokenOf(credential: Credential | null): string | null {
  const secret = credential?.secret
  return secret?.kind === 'password' ? secret.password : secret?.kind === 'registry' ? secret.token : null
}

/** Returns a request with the token, and the id of its credential. */
function requestOf(credential: Credential | null) {
  const token = tokenOf(credential) ?? ''
  return {
    id: credential?.id ?? '',
    headers: {
      accept: 'application/vnd.github+json',
      'x-github-api-version': '2022-11-28',
      authorization: `Bearer ${token}`,
    },
    secrets: [token],
  }
}

function urlOf(client: VendorClient, kind: OwnerKind, page: number): URL {
  const [owner = '', ...rest] = client.repository.split('/')
  const name = encodeURIComponent(rest.join('/'))
  const path = `/${kind}/${owner}/packages/container/${name}/versions`
  return client.urlOf(`${path}?state=active&per_page=100&page=${page}`, API)
}

function pageOf(response: ApiResponse, url: URL): RawPage {
  const versions = objectsOf(parseResponse(response))
  const created = versions.map(({ created_at: at }) => timeOf(at) ?? 0)
  if (created.some((time, at) => time > (created[at - 1] ?? Number.POSITIVE_INFINITY))) {
    // a reader that stops at the first known page would miss changes
    throw new OddShapeError('its versions are not sorted newest first')
  }
  return {
    tags: versions.flatMap(({ name, updated_at: updated, metadata }) => {
      const { container } = objectOf(metadata, "a version's metadata")
      const { tags } = objectOf(container, "a version's metadata")
      const changedAt = timeOf(updated)
      return listOf(tags, "a version's list of tags").map((tag) => ({ tag, digest: name, changedAt }))
    }),
    entries: versions.length,
    isComplete: nextPageOf(response, url.pathname + url.search) === undefined,
  }
}
