import { azureEndpoint, ecrEndpoint, isGoogleRegistry } from '../../logins/cloud-registry.ts'
import { parseChallenges } from '../../remote/login/challenge.ts'
import type { ApiHeaders, VendorApi } from '../../remote/session/vendor-api.ts'
import { objectOf, objectsOf, parseJson } from './json.ts'
import type { VendorKind } from './vendor.ts'

const BY_NAME: Readonly<Record<string, VendorKind>> = {
  'docker.io': 'DOCKER_HUB',
  'quay.io': 'QUAY',
  'ghcr.io': 'GITHUB',
  'registry.gitlab.com': 'GITLAB',
}

/** Whose the registry is, where its name alone says so. */
export function kindByName(registry: string): VendorKind | undefined {
  const name = registry.toLowerCase()
  if (Object.hasOwn(BY_NAME, name)) return BY_NAME[name]
  if (isGoogleRegistry(name)) return 'GOOGLE'
  if (azureEndpoint(name, null)) return 'AZURE'
  if (ecrEndpoint(name, null)?.isPublic === false) return 'ECR'
  return name.endsWith('.jfrog.io') ? 'JFROG' : undefined
}

/** Whose software a registry seems to run, by the headers of an answer that it gave to a plain question. */
export function kindByGreeting(headers: ApiHeaders): VendorKind | undefined {
  if ('x-jfrog-version' in headers || 'x-artifactory-id' in headers) return 'JFROG'
  if ('gitlab-container-registry-version' in headers) return 'GITLAB'
  for (const { scheme, parameters } of parseChallenges(headers['www-authenticate'])) {
    const realm = parameters.get('realm') ?? ''
    const kind = scheme === 'bearer' ? kindByTokenServer(realm, parameters.get('service')) : undefined
    if (kind) return kind
    if (realm === 'Artifactory Realm') return 'JFROG'
    // what zot calls its realm where nobody named one, and what others call theirs: the probe tells
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

/** Bytes of an answer to a probe. */
const MAX_ANSWER = 64 * 1024

/**
 * Whether a registry that seems to be of the kind has its listing: one question where that can be switched off, and none
 * elsewhere. Throws RegistryError, OddShapeError, or the signal's reason once it is aborted.
 */
export async function hasListing(kind: VendorKind, api: VendorApi): Promise<boolean> {
  const headers = { accept: 'application/json' }
  if (kind === 'GITLAB') {
    // 404 without the metadata database; source: GitLab container registry, API v1
    const url = new URL('/gitlab/v1/', await api.origin())
    const { status } = await api.requestUrl(url, { method: 'GET', headers, maxBytes: MAX_ANSWER })
    return status === 200 || status === 401
  }
  if (kind !== 'ZOT') return true
  const path = '/v2/_oci/ext/discover'
  const answer = await api.requestRegistry({ method: 'GET', path, headers, maxBytes: MAX_ANSWER })
  if (answer.status !== 200) return false
  const { extensions } = objectOf(parseJson(answer), 'its list of extensions')
  return objectsOf(extensions, 'its list of extensions').some(
    ({ endpoints }) => Array.isArray(endpoints) && endpoints.includes('/v2/_zot/ext/search'),
  )
}
