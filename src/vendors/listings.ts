import { SharedCache } from '../concurrency/cache.ts'
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
import { hasListing, kindByHeaders, kindByName } from './listing/detect.ts'
import { vendorListingError } from './listing/errors.ts'
import { DEFAULT_VENDOR_LIMITS, type VendorLimits } from './listing/limits.ts'
import { readListing } from './listing/read-listing.ts'
import { VENDOR_KINDS, type Vendor, type VendorKind } from './listing/vendor.ts'
import { VendorClient } from './listing/vendor-client.ts'
import { quay } from './quay/listing.ts'
import { zot } from './zot/listing.ts'

/** The configured vendor of a registry. */
export interface VendorConfiguration {
  /** A VendorKind, or `NONE` for no listing; null to detect the vendor. */
  readonly vendor: string | null
  /** Base URL of the vendor's API; null for the default: `https://hub.docker.com`, or the registry's own host. */
  readonly apiUrl: string | null
}

export interface VendorListingsOptions {
  readonly remote: Pick<RegistryClient, 'api'>
  /** Detects the vendor of every registry unless given. */
  readonly configurationOf?: (registry: string, repository: string) => VendorConfiguration
  readonly limits?: Partial<VendorLimits>
  readonly warn?: (warning: RegistryWarning) => void
}

/** The listings of vendors: cheap hints of what changed in a repository. */
export interface VendorListings {
  /**
   * Returns the listing of the repository's vendor; null when the vendor is unknown or has none, and when tags are read from
   * a mirror. Sends no request other than a probe, once a day, to a registry whose vendor allows to disable the listing.
   * Throws VendorListingError, or the signal's reason once it is aborted.
   */
  listingOf(
    reference: Pick<Reference, 'registry' | 'repository'>,
    context: RequestContext,
  ): Promise<VendorListing | null>
}

const DETECT: VendorConfiguration = { vendor: null, apiUrl: null }

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

/** Creates the listings of all vendors. Caches the vendors of registries, and logins at their APIs. */
export function createVendorListings(options: VendorListingsOptions): VendorListings {
  const { remote, configurationOf = () => DETECT, warn = () => {} } = options
  const limits = { ...DEFAULT_VENDOR_LIMITS, ...options.limits }
  const vendors = createVendors(limits)
  const kinds = new SharedCache<VendorKind | null>(limits.remembered)

  /** Detects the vendor by the registry's responses; null before the first one. */
  const kindByResponses = async (api: VendorApi): Promise<VendorKind | null> => {
    const { firstResponseHeaders, clock, signal, insecure } = api
    const likely = firstResponseHeaders && kindByHeaders(firstResponseHeaders)
    if (!likely) return null
    const caller = { signal, now: () => clock.now() }
    return kinds.get(`${api.registry} ${insecure}`, caller, async () => {
      const has = await hasListing(likely, api).catch(() => {
        signal.throwIfAborted()
        // cached as no listing: otherwise each import would begin with a failing probe
        return false
      })
      return { value: has ? likely : null, until: clock.now() + limits.kindTime }
    })
  }

  const kindOf = async (api: VendorApi, configured: string | null): Promise<VendorKind | null> => {
    if (configured !== null) return VENDOR_KINDS.find((kind) => kind === configured) ?? null
    return kindByName(api.registry) ?? kindByResponses(api)
  }

  return {
    async listingOf({ registry, repository }, context) {
      const api = remote.api({ registry, repository }, context)
      if (!api.servesTags) return null
      const configuration = configurationOf(registry, repository)
      const kind = await kindOf(api, configuration.vendor)
      const vendor = kind && vendors[kind]
      if (!vendor) return null
      const { title, newestFirst } = vendor
      try {
        if (!vendor.serves(repository, await api.credential())) return null
      } catch (error) {
        context.signal.throwIfAborted()
        throw vendorListingError(title, repository, error)
      }
      const apiUrl = configuration.apiUrl === null ? null : new URL(configuration.apiUrl)
      return {
        vendor: title,
        newestFirst,
        pages: () =>
          readListing({
            vendor,
            client: new VendorClient({ api, apiUrl, limits }),
            warn: (message) => warn({ registry, repository, message }),
          }),
      }
    },
  }
}
