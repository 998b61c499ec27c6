import { parseReference } from '../../src/oci/reference.ts'
import type { ReportedMove, TagClaim, VendorListing, VendorPage } from '../../src/oci/vendor-listing.ts'
import type { RegistryWarning } from '../../src/remote/registry-client.ts'
import type { RequestContext } from '../../src/remote/traffic/request-context.ts'
import type { VendorLimits } from '../../src/vendors/listing/budget.ts'
import { VendorListingError } from '../../src/vendors/listing/errors.ts'
import { createVendorListings, type VendorConfiguration } from '../../src/vendors/listings.ts'
import { TestClient, type TestClientOptions } from '../fixtures/registry-client.ts'
import { VendorRegistry, type VendorSide } from '../fixtures/vendors/vendor-registry.ts'

export interface ListingClientOptions extends TestClientOptions {
  readonly configuration?: VendorConfiguration
  readonly vendorLimits?: Partial<VendorLimits>
}

/** A whole listing, page by page. */
export interface Read {
  readonly pages: readonly VendorPage[]
  readonly claims: readonly TagClaim[]
  readonly moves: readonly ReportedMove[]
  readonly isComplete: boolean
}

/** The client of the vendors' listings as the server uses it, but for the clock and what configures it. */
export class ListingClient implements AsyncDisposable {
  readonly client: TestClient
  readonly warnings: RegistryWarning[] = []
  readonly #listings: ReturnType<typeof createVendorListings>

  constructor({ configuration, vendorLimits = {}, ...options }: ListingClientOptions = {}) {
    this.client = new TestClient(options)
    this.#listings = createVendorListings({
      remote: this.client.remote,
      ...(configuration && { configurationOf: () => configuration }),
      limits: vendorLimits,
      warn: (warning) => this.warnings.push(warning),
    })
  }

  /** The listing of `host/name`; null without one. */
  find(name: string, context: Partial<RequestContext> = {}): Promise<VendorListing | null> {
    const signal = new AbortController().signal
    const anybody = { insecure: false, lane: 'test', namespace: null, signal }
    return this.#listings.listingOf(parseReference(name), { ...anybody, ...context })
  }

  /** The listing of `host/name`. */
  async listing(name: string, context: Partial<RequestContext> = {}): Promise<VendorListing> {
    const found = await this.find(name, context)
    if (!found) throw new Error(`${name} has no listing of a vendor's`)
    return found
  }

  /** Reads only the first page of the listing of `host/name`. */
  async firstPage(name: string): Promise<VendorPage> {
    for await (const page of (await this.listing(name)).pages()) return page
    throw new Error(`the listing of ${name} has no page`)
  }

  /** All of the listing of `host/name`. */
  async read(name: string): Promise<Read> {
    const pages: VendorPage[] = []
    for await (const page of (await this.listing(name)).pages()) pages.push(page)
    return {
      pages,
      claims: pages.flatMap(({ claims }) => claims),
      moves: pages.flatMap(({ moves }) => moves),
      isComplete: pages.at(-1)?.isComplete ?? false,
    }
  }

  /** The VendorListingError that the listing of `host/name` ends with; fails the test when it ends otherwise. */
  async refusal(name: string): Promise<VendorListingError> {
    const error = await this.read(name).then(
      () => new Error('it succeeded'),
      (reason: unknown) => reason,
    )
    if (error instanceof VendorListingError) return error
    throw error
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client[Symbol.asyncDispose]()
  }
}

/** A vendor's registry on loopback and a client of its listing. */
export interface Vendor extends AsyncDisposable {
  readonly registry: VendorRegistry
  readonly client: ListingClient
  /** `host/team/app`. */
  readonly name: string
}

export interface VendorOptions extends ListingClientOptions {
  /** Milliseconds since 1970 at which the registry's clock begins. */
  readonly time?: number
}

/** Starts both. The client is configured with the registry's vendor, unless its options have another value. */
export async function startVendor(
  side: VendorSide,
  { time, ...options }: VendorOptions = {},
): Promise<Vendor> {
  const registry = await VendorRegistry.start(side, time === undefined ? {} : { time })
  const client = new ListingClient({ configuration: registry.configuration, ...options })
  return {
    registry,
    client,
    name: `${registry.host}/team/app`,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await registry[Symbol.asyncDispose]()
    },
  }
}

/** Tag names of claims, in their order. */
export const tagsOf = (claims: readonly TagClaim[]): string[] => claims.map(({ tag }) => tag)
