import { createHash } from 'node:crypto'
import { compactVerify, errors, type JWTVerifyGetKey } from 'jose'
import { LRUCache } from 'lru-cache'
import type { Route } from '../../egress/route.ts'
import { isObject } from '../../oci/json.ts'
import type { FetchJson } from '../../published-keys/fetch-json.ts'
import { createPublicKeys, KeysUnavailableError } from '../../published-keys/public-keys.ts'
import type { Refusal } from './refusals.ts'
import type { FederationRule } from './rule.ts'

/** Algorithms of signatures: asymmetric ones, whatever a token or the issuer's keys name. */
export const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]

/** Most issuers whose keys are cached; those of the least recently used are fetched again. */
const MAX_ISSUERS = 256

/** How an issuer is reached. */
export type IssuerAccess = Pick<FederationRule, 'issuer' | 'settings'>

/** Creates the issuers of a process. `now` returns milliseconds since 1970. */
export function createIssuers({ fetchJson, now }: { fetchJson: FetchJson; now: () => number }) {
  const keys = new LRUCache<string, JWTVerifyGetKey>({ max: MAX_ISSUERS })

  const keysOf = (access: IssuerAccess): JWTVerifyGetKey => {
    const id = idOf(access)
    const known = keys.get(id)
    if (known) return known
    const created = createPublicKeys({
      name: access.issuer,
      fetchKeys: () => fetchKeys(fetchJson, access),
      now,
    })
    keys.set(id, created)
    return created
  }

  return {
    /** Returns why the token's signature is not one of the issuer; undefined for a signature that is. */
    async signatureRefusal(token: string, access: IssuerAccess): Promise<Refusal | undefined> {
      try {
        await compactVerify(token, keysOf(access), { algorithms: ALGORITHMS })
        return undefined
      } catch (error) {
        return refusalOf(error)
      }
    },
  }
}

/** Identifies an issuer and the settings of its connections: one rule cannot change how another one's issuer is reached. */
export const idOf = ({ issuer, settings: { keysUrl, ca } }: IssuerAccess): string =>
  createHash('sha256')
    .update(JSON.stringify([issuer, keysUrl, ca]))
    .digest('hex')

async function fetchKeys(fetchJson: FetchJson, { issuer, settings }: IssuerAccess): Promise<unknown> {
  const { keysUrl, ca } = settings
  const route: Route | undefined =
    ca === null ? undefined : { id: idOf({ issuer, settings }), ca: [ca], client: null, proxy: null }
  return fetchJson(keysUrl ?? (await discoverKeysUrl((url) => fetchJson(url, route), issuer)), route)
}

/** Returns the URL of the keys that the issuer's discovery document names. Source: OpenID Connect Discovery 1.0 §4. */
async function discoverKeysUrl(fetchJson: FetchJson, issuer: string): Promise<string> {
  const document = await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
  if (!isObject(document) || document.issuer !== issuer) {
    throw new Error('its discovery document is that of another issuer')
  }
  const { jwks_uri: url } = document
  const isUsable = typeof url === 'string' && URL.canParse(url) && !isDowngrade(issuer, url)
  if (!isUsable) throw new Error('its discovery document names no usable address of its keys')
  return url
}

const isDowngrade = (issuer: string, url: string): boolean =>
  issuer.startsWith('https:') && !url.startsWith('https:')

function refusalOf(error: unknown): Refusal {
  if (error instanceof KeysUnavailableError) {
    const cause = error.cause instanceof Error ? error.cause.message : 'no response'
    return { reason: 'ISSUER_UNAVAILABLE', claim: null, message: `${error.message}: ${cause}` }
  }
  return { reason: 'SIGNATURE', claim: null, message: signatureProblem(error) }
}

function signatureProblem(error: unknown): string {
  if (error instanceof errors.JWKSNoMatchingKey) return 'the issuer has no key that signed the token'
  if (error instanceof errors.JWKSMultipleMatchingKeys) return 'the token does not say which key signed it'
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return `the token's signature has another algorithm than ${ALGORITHMS.join(', ')}`
  }
  return "the token's signature is not valid"
}
