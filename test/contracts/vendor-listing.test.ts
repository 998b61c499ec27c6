import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { image, index, releases } from '../fixtures/random-image.ts'
import { json, type UpstreamResponse } from '../fixtures/upstream-response.ts'
import { VendorRegistry } from '../fixtures/vendors/vendor-registry.ts'
import { ListingClient, tagsOf } from '../vendors/world.ts'
import { SECRETS, VENDORS } from './vendors.ts'

// The contract of each vendor's tag listing, checked against a fake of the vendor on the loopback address.

const REPOSITORY = 'team/app'
const app = image({ seed: 'app' })
const arm = image({ seed: 'arm', platform: { os: 'linux', architecture: 'arm64' } })
const both = index([app, arm])
const HEX = 'ab'.repeat(32)

describe.each(VENDORS)(
  'the listing of $name',
  ({ name, side, client: clientOptions, newestFirst, requests, counts }) => {
    let registry: VendorRegistry
    let client: ListingClient
    let reference: string

    beforeEach(async () => {
      registry = await VendorRegistry.start(side())
      client = new ListingClient({ configuration: registry.configuration, ...clientOptions })
      reference = `${registry.host}/${REPOSITORY}`
    })
    afterEach(async () => {
      await client[Symbol.asyncDispose]()
      await registry[Symbol.asyncDispose]()
    })
    const fill = (count: number): void => {
      for (const [tag, content] of releases(count)) registry.push(REPOSITORY, tag, content)
    }
    const respondWith = (status: number, body: string): void => {
      registry.listingHook = () => ({ status, headers: { 'content-type': 'application/json' }, body })
    }

    test('has its vendor, and reports whether recently changed tags come first', async () => {
      const listing = await client.listing(reference)

      expect(listing).toMatchObject({ vendor: name, newestFirst })
    })

    test('has every tag once with its digest, and is complete', async () => {
      registry.push(REPOSITORY, 'one', app)
      registry.push(REPOSITORY, 'two', app)
      registry.push(REPOSITORY, 'both', both)
      registry.push(REPOSITORY, 'gone', arm)
      registry.delete(REPOSITORY, 'gone')

      const { claims, isComplete, pages } = await client.read(reference)

      expect(Object.fromEntries(claims.map(({ tag, digest }) => [tag, digest]))).toEqual({
        one: app.digest,
        two: app.digest,
        both: both.digest,
      })
      expect(claims).toHaveLength(3)
      expect(isComplete).toBe(true)
      expect(pages[0]?.total).toBe(counts ? 3 : null)
      expect(client.warnings).toEqual([])
    })

    test(`returns 250 tags in ${requests.whole} requests, and a moved one in ${requests.moved}`, async () => {
      fill(250)
      const { claims } = await client.read(reference)
      expect(new Set(tagsOf(claims)).size).toBe(250)
      expect(registry.requests).toMatchObject({ vendor: requests.whole, head: 0, manifest: 0, blob: 0 })

      registry.push(REPOSITORY, '1.1.7', both)
      registry.reset()
      const another = new ListingClient({ configuration: registry.configuration, ...clientOptions })
      const first = await another.firstPage(reference)
      await another[Symbol.asyncDispose]()

      expect(first.claims.find(({ tag }) => tag === '1.1.7')?.digest).toBe(both.digest)
      if (newestFirst) expect(first.claims[0]?.tag).toBe('1.1.7')
      expect(registry.requests).toMatchObject({ vendor: requests.moved, tags: 0, head: 0, manifest: 0 })
    })

    test('is returned unchanged if it is outdated', async () => {
      registry.push(REPOSITORY, 'latest', app)
      registry.world.freeze()
      registry.push(REPOSITORY, 'latest', both)

      const { claims } = await client.read(reference)

      expect(claims.map(({ tag, digest }) => [tag, digest])).toEqual([['latest', app.digest]])
    })

    test('is not complete if it has no tag', async () => {
      registry.push(REPOSITORY, 'gone', app)
      registry.delete(REPOSITORY, 'gone')

      expect(await client.read(reference)).toMatchObject({ claims: [], isComplete: false })
    })

    test('omits invalid tag names and reports their number, and omits tags of referrers', async () => {
      registry.push(REPOSITORY, 'good', app)
      registry.push(REPOSITORY, '.bad', app)
      registry.push(REPOSITORY, 'worse name', app)
      registry.push(REPOSITORY, `sha256-${HEX}`, app)
      registry.push(REPOSITORY, `sha256-${HEX}.sig`, app)

      const { claims } = await client.read(reference)

      expect(tagsOf(claims)).toEqual(['good'])
      expect(client.warnings).toMatchObject([
        { registry: registry.host, message: "the vendor's listing has 2 invalid tag names" },
      ])
    })

    test('has null for an invalid digest', async () => {
      registry.push(REPOSITORY, 'latest', app)
      registry.listingHook = (page) => ({
        ...page,
        body: page.body.toString().replaceAll(app.digest.slice('sha256:'.length), 'ABC'),
      })

      const { claims, moves } = await client.read(reference)

      expect(claims.map(({ tag, digest }) => [tag, digest])).toEqual([['latest', null]])
      expect(moves).toEqual([])
    })

    test.each([
      ['a web page', '<html>Sign in</html>'],
      ['nothing', ''],
      ['null', 'null'],
      ['text', '"tags"'],
      ['an empty object', '{}'],
      ['a list of text', '["latest"]'],
      ['lists in place of objects', '{"tags":{},"results":{},"manifest":[],"imageIds":{},"data":[]}'],
      ['a cut body', '{"tags":[{"name":"lat'],
      ['a depth bomb', '['.repeat(200_000)],
      ['a depth bomb that closes', `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`],
    ])('is refused if it is %s', async (_what, body) => {
      registry.push(REPOSITORY, 'latest', app)
      respondWith(200, body)

      const error = await client.refusal(reference)

      expect(error).toMatchObject({ code: 'VENDOR_LISTING', vendor: name, reason: 'InvalidListing' })
      expect(error.message).toMatch(
        new RegExp(`^the listing of team/app by ${name} has an unexpected shape: `),
      )
      expect(error.message.length).toBeLessThan(300)
    })

    test.each([
      [403, 'Forbidden'],
      [404, 'NotFound'],
      [429, 'TooManyRequests'],
      [500, 'RegistryUnavailable'],
      [400, 'InvalidListing'],
      [503, 'RegistryUnavailable'],
    ])('fails for the status %s with %s, without a secret in the message', async (status, reason) => {
      registry.push(REPOSITORY, 'latest', app)
      respondWith(status, JSON.stringify({ message: `not for ${SECRETS.join(' or ')}` }))

      const error = await client.refusal(reference)

      expect(error).toMatchObject({ vendor: name, reason })
      const known = SECRETS.filter((secret) => JSON.stringify(clientOptions).includes(secret))
      for (const secret of known) expect(error.message).not.toContain(secret)
    })

    test('fails for the status 401 with Unauthorized', async () => {
      registry.push(REPOSITORY, 'latest', app)
      registry.hook = () => json(401, { message: 'who are you?' })

      expect(await client.refusal(reference)).toMatchObject({ vendor: name, reason: 'Unauthorized' })
    })

    test.each([
      ['brings nothing new', (first: UpstreamResponse, _own: UpstreamResponse) => first],
      ['is the regular page', (_first: UpstreamResponse, own: UpstreamResponse) => own],
    ])('ends if each page links to another and %s', async (_what, pick) => {
      registry.push(REPOSITORY, 'latest', app)
      let first: UpstreamResponse | undefined
      registry.listingHook = (own, { url }) => {
        first ??= own
        const response = pick(first, own)
        const body = response.body
          .toString()
          .replace('"next":null', `"next":"${registry.url}/again"`)
          .replace('"has_additional":false', '"has_additional":true')
          .replace('"TotalCount":1', '"TotalCount":1000000')
          .replace('"imageIds":[', '"nextToken":"again","imageIds":[')
        const link = `<${registry.url}${url.replace(/([?&])page=\d+/, '$1page=9')}>; rel="next"`
        return { ...response, headers: { ...response.headers, link }, body }
      }

      const result = await client.read(reference).catch((error: unknown) => error)

      expect(registry.requests.vendor).toBeLessThanOrEqual(13)
      // a listing in one response has no next page
      if (name === 'JFrog') expect(result).toMatchObject({ isComplete: true })
      else expect(result).toMatchObject({ code: 'VENDOR_LISTING', vendor: name, reason: 'InvalidListing' })
    })

    test('is read only up to the limits', async () => {
      fill(12)
      const small = new ListingClient({
        configuration: registry.configuration,
        vendorLimits: { tags: 10 },
        ...clientOptions,
      })
      const narrow = new ListingClient({
        configuration: registry.configuration,
        vendorLimits: { pageBytes: 64 },
        ...clientOptions,
      })
      const errors = await Promise.all([small.refusal(reference), narrow.refusal(reference)])
      await Promise.all([small[Symbol.asyncDispose](), narrow[Symbol.asyncDispose]()])

      expect(errors).toMatchObject([{ reason: 'ListingTooLong' }, { reason: 'InvalidListing' }])
    })

    test('ends with the reason of its signal when that is aborted', async () => {
      registry.push(REPOSITORY, 'latest', app)
      const abort = new AbortController()
      registry.listingHook = () => {
        abort.abort(new Error('no longer wanted'))
        return undefined
      }
      const listing = await client.listing(reference, { signal: abort.signal })

      await expect(listing.pages()[Symbol.asyncIterator]().next()).rejects.toThrow('no longer wanted')
    })
  },
)
