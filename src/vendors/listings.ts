import type { Reference } from '../oci/reference.ts'
import type { VendorListing } from '../oci/vendor-listing.ts'
import type { RegistryClient, RegistryWarning } from '../remote/registry-client.ts'
import type { VendorApi } from '../remote/session/vendor-api.ts'
import type { RequestContext } from '../remote/traffic/request-context.ts'
import { ecr } from './amazon/listing.ts'
import { azure } from './azure/listing.ts'
import { dockerHub } from './docker-hub/listing.ts'
import { github } from './github/listing.ts'
import { gitlab } from './gitlab/listing.ts'
import { google } from './google/listing.ts'
import { harbor } from './harbor/listing.ts'
import { jfrog } from './jfrog/listing.ts'
import { Desk } from './listing/desk.ts'
import { hasListing, kindByGreeting, kindByName } from './listing/detect.ts'
import { vendorListingError } from './listing/errors.ts'
import { Learned } from './listing/learned.ts'
import { DEFAULT_VENDOR_LIMITS, type VendorLimits } from './listing/limits.ts'
import { readListing } from './listing/read-listing.ts'
import { VENDOR_KINDS, type Vendor, type VendorKind } from './listing/vendor.ts'
import { quay } from './quay/listing.ts'
import { zot } from './zot/listing.ts'

/** What somebody said of a registry: what it is, and where its vendor's own interface is. */
export interface VendorConfiguration {
  /** One of the kinds, `NONE` for no listing at all; null where that is to be found out. */
  readonly vendor: string | null
  /** Null for the usual place: `https://hub.docker.com`, the registry's own host. */
  readonly apiUrl: string | null
}

export interface VendorListingsOptions {
  readonly remote: Pick<RegistryClient, 'api'>
  /** Nothing is said of any registry unless given. */
  readonly configurationOf?: (registry: string, repository: string) => VendorConfiguration
  readonly limits?: Partial<VendorLimits>
  readonly warn?: (warning: RegistryWarning) => void
}

/** The vendors' own listings, as cheap hints of what changed. */
export interface VendorListings {
  /**
   * The listing of the repository's vendor; null where none is known, or where it is not the registry that is asked
   * what tags mean. Asks nothing but this: a registry that its plain answers make look like one with a listing that can
   * be switched off, whether it has it, once a day. Throws VendorListingError, or the signal's reason once it is aborted.
   */
  listingOf(
    reference: Pick<Reference, 'registry' | 'repository'>,
    context: RequestContext,
  ): Promise<VendorListing | null>
}

const createVendors = ({ remembered }: VendorLimits): Readonly<Record<VendorKind, Vendor>> => ({
  DOCKER_HUB: dockerHub({ remembered }),
  QUAY: quay,
  GOOGLE: google,
  GITHUB: github({ remembered }),
  AZURE: azure,
  ECR: ecr,
  HARBOR: harbor,
  GITLAB: gitlab,
  JFROG: jfrog,
  ZOT: zot,
})

/** Remembers what registries are, and what it was given there to sign in; holds nothing open. */
export function createVendorListings(options: VendorListingsOptions): VendorListings {
  const { remote, configurationOf = () => NOTHING_SAID, warn = () => {} } = options
  const limits = { ...DEFAULT_VENDOR_LIMITS, ...options.limits }
  const vendors = createVendors(limits)
  const kinds = new Learned<VendorKind | null>(limits.remembered)

  /** What a registry is whose name does not tell; null while it was not asked for anything. */
  const kindBySigns = async (api: VendorApi): Promise<VendorKind | null> => {
    const { firstResponseHeaders, clock, signal, insecure } = api
    const seeming = firstResponseHeaders && kindByGreeting(firstResponseHeaders)
    if (!seeming) return null
    const learner = { signal, now: () => clock.now() }
    return kinds.get(`${api.registry} ${insecure}`, learner, async () => {
      const has = await hasListing(seeming, api).catch(() => {
        signal.throwIfAborted()
        // as good as none: else each listing would begin with a probe that fails
        return false
      })
      return { value: has ? seeming : null, until: clock.now() + limits.kindTime }
    })
  }

  const kindOf = async (api: VendorApi, named: string | null): Promise<VendorKind | null> => {
    if (named !== null) return VENDOR_KINDS.find((kind) => kind === named) ?? null
    return kindByName(api.registry) ?? kindBySigns(api)
  }

  return {
    async listingOf({ registry, repository }, context) {
      const api = remote.api({ registry, repository }, context)
      if (!api.servesTags) return null
      const { vendor: named, apiUrl } = configurationOf(registry, repository)
      const kind = await kindOf(api, named)
      const vendor = kind && vendors[kind]
      if (!vendor) return null
      const { title, newestFirst } = vendor
      try {
        if (!vendor.serves(repository, await api.credential())) return null
      } catch (error) {
        context.signal.throwIfAborted()
        throw vendorListingError(title, repository, error)
      }
      return {
        vendor: title,
        newestFirst,
        pages: () => {
          const desk = new Desk({ api, apiUrl: apiUrl === null ? null : new URL(apiUrl), limits })
          return readListing({ vendor, desk, warn: (message) => warn({ registry, repository, message }) })
        },
      }
    },
  }
}

const NOTHING_SAID: VendorConfiguration = { vendor: null, apiUrl: null }
