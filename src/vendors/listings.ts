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
import { DEFAULT_VENDOR_LIMITS, type VendorLimits } from './listing/budget.ts'
import { vendorByHeaders, vendorByName } from './listing/detect.ts'
import { vendorListingError } from './listing/errors.ts'
import { readListing } from './listing/read-listing.ts'
import type { Vendor } from './listing/vendor.ts'
import { VendorClient } from './listing/vendor-client.ts'
import { quay } from './quay/listing.ts'
import { zot } from './zot/listing.ts'

/** The configured vendor of a registry. */
export interface VendorConfiguration {
  /** A key of the vendors, or `NONE` for no listing; null to detect the vendor. */
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

const DETECT: VendorConfiguration = { vendor: null, apiUrl: null }

/** Creates all vendors with a listing, by their names in registry configurations. */
export const createVendors = ({ remembered }: VendorLimits) =>
  new Map<string, Vendor>([
    ['DOCKER_HUB', dockerHub(remembered)],
    ['QUAY', quay],
    ['GOOGLE', google],
    ['GITHUB', github(remembered)],
    ['AZURE', azure],
    ['ECR', ecr],
    ['HARBOR', harbor],
    ['GITLAB', gitlab],
    ['JFROG', jfrog],
    ['ZOT', zot],
  ])

/**
 * Creates the listings of vendors: cheap hints of what changed in a repository. Caches the vendors of registries, and logins
 * at their APIs.
 */
export function createVendorListings(options: VendorListingsOptions) {
  const { remote, configurationOf = () => DETECT, warn = () => {} } = options
  const limits = { ...DEFAULT_VENDOR_LIMITS, ...options.limits }
  const byKind = createVendors(limits)
  const vendors = [...byKind.values()]
  const detected = new SharedCache<Vendor | null>(limits.remembered)

  /** Detects the vendor by the registry's responses; null before the first one. */
  const vendorByResponses = async (api: VendorApi): Promise<Vendor | null> => {
    const { firstResponseHeaders, clock, signal, insecure } = api
    const likely = firstResponseHeaders && vendorByHeaders(vendors, firstResponseHeaders)
    if (!likely) return null
    const caller = { signal, now: () => clock.now() }
    return detected.get(`${api.registry} ${insecure} ${likely.title}`, caller, async () => {
      const isEnabled = likely.isEnabled?.(api).catch(() => {
        signal.throwIfAborted()
        // cached as no listing: otherwise each import would begin with a failing probe
        return false
      })
      return { value: ((await isEnabled) ?? true) ? likely : null, until: clock.now() + limits.kindTime }
    })
  }

  return {
    /**
     * Returns the listing of the repository's vendor; null when the vendor is unknown or has none, and when tags are read from
     * a mirror. Sends no request other than a probe, once a day, to a registry whose vendor allows to disable the listing.
     * Throws VendorListingError, or the signal's reason once it is aborted.
     */
    async listingOf(
      { registry, repository }: Pick<Reference, 'registry' | 'repository'>,
      context: RequestContext,
    ): Promise<VendorListing | null> {
      const api = remote.api({ registry, repository }, context)
      if (!api.servesTags) return null
      const { vendor: kind, apiUrl } = configurationOf(registry, repository)
      const vendor =
        kind === null
          ? (vendorByName(vendors, api.registry) ?? (await vendorByResponses(api)))
          : byKind.get(kind)
      if (!vendor) return null
      const { title, newestFirst, serves = () => true } = vendor
      try {
        if (!serves(repository, await api.credential())) return null
      } catch (error) {
        context.signal.throwIfAborted()
        throw vendorListingError(title, repository, error)
      }
      const baseUrl = apiUrl === null ? null : new URL(apiUrl)
      return {
        vendor: title,
        newestFirst,
        pages: () =>
          readListing(vendor, new VendorClient(api, baseUrl, limits), (message) =>
            warn({ registry, repository, message }),
          ),
      }
    },
  }
}
