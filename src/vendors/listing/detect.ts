import { azureEndpoint, ecrEndpoint, isGoogleRegistry } from '../../logins/cloud-registry.ts'
import { parseChallenges } from '../../remote/login/challenge.ts'
import type { ApiHeaders, VendorApi } from '../../remote/session/vendor-api.ts'
import { objectOf, objectsOf, parseResponse } from './json.ts'
import type { VendorKind } from './vendor.ts'

const BY_NAME: Readonly<Record<string, VendorKind>> = {
  'docker.io': 'DOCKER_HUB',
  'quay.io': 'QUAY',
  'ghcr.io': 'GITHUB',
  'registry.gitlab.com': 'GITLAB',
}

/** Returns the vendor of a registry by its host name; undefined when the name is not that of a vendor. */
export function kindByName(registry: string): VendorKind | undefined {
  const name = registry.toLowerCase()
  if (Object.hasOwn(BY_NAME, name)) return BY_NAME[name]
  if (isGoogleRegistry(name)) return 'GOOGLE'
  if (azureEndpoint(name, null)) return 'AZURE'
  if (ecrEndpoint(name, null)?.isPublic === false) return 'ECR'
  return name.endsWith('.jfrog.io') ? 'JFROG' : undefined
}

/** Returns the likely vendor of a registry by the headers of any of its responses; undefined when they show none. */
export function kindByHeaders(headers: ApiHeaders): VendorKind | undefined {
  if ('x-jfrog-version' in headers || 'x-artifactory-id' in headers) return 'JFROG'
  if ('gitlab-container-registry-version' in headers) return 'GITLAB'
  for (const { scheme, parameters } of parseChallenges(headers['www-authenticate'])) {
    const realm = parameters.get('realm') ?? ''
    const kind = scheme === 'bearer' ? kindByTokenServer(realm, parameters.get('service')) : undefined
    if (kind) return kind
    if (realm === 'Artifactory Realm') return 'JFROG'
    // zot's default realm, and one that others use too: `hasListing` decides
    if (scheme === 'basic' && (realm === 'Authorization Required' || realm === 'zot')) return 'ZOT'
  }
  return undefined
}

function kindByTokenServer(realm: string, service: string | undefined): VendorKind | undefined {
  if (!URL.canParse(realm)) return undefined
  const { pathname } = new URL(realm)
  if (pathname === '/service/token' && service === 'harbor-registry') return 'HARBOR'
  if (pathname === '/jwt/auth' && service === 'container_registry') return 'GITLAB'
  return pathname === '/v2/auth' ? 'QUAY' : undefined
}

/** Bytes of the response to a probe. */
const MAX_PROBE_BYTES = 64 * 1024

/**
 * Reports whether a registry of the kind has its listing: sends one request where a listing can be disabled. Throws
 * RegistryError, OddShapeError, or the signal's reason once it is aborted.
 */
export async function hasListing(kind: VendorKind, api: VendorApi): Promise<boolean> {
  const headers = { accept: 'application/json' }
  if (kind === 'GITLAB') {
    // 404 without the metadata database; source: GitLab container registry, API v1
    const url = new URL('/gitlab/v1/', await api.origin())
    const { status } = await api.requestUrl(url, { method: 'GET', headers, maxBytes: MAX_PROBE_BYTES })
    return status === 200 || status === 401
  }
  if (kind !== 'ZOT') return true
  const path = '/v2/_oci/ext/discover'
  const response = await api.requestRegistry({ method: 'GET', path, headers, maxBytes: MAX_PROBE_BYTES })
  if (response.status !== 200) return false
  const { extensions } = objectOf(parseResponse(response), 'its list of extensions')
  return objectsOf(extensions, 'its list of extensions').some(
    ({ endpoints }) => Array.isArray(endpoints) && endpoints.includes('/v2/_zot/ext/search'),
  )
}
