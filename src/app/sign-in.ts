import type { AccessControl } from '../access/access.ts'
import { createFederation } from '../access/federation/federation.ts'
import { createFederationRules } from '../access/federation/rules.ts'
import { createProvider } from '../access/sign-in/provider.ts'
import { createSignIn, type SignInPages } from '../access/sign-in/sign-in.ts'
import type { Egress } from '../egress/egress.ts'
import { createEgressFetch } from '../egress/fetch.ts'
import { createJsonFetcher } from '../published-keys/fetch-json.ts'
import type { Sealer } from '../secrets/sealer.ts'
import { ownOrigin } from './own-names.ts'
import type { SharedParts } from './parts.ts'

interface SignInParts extends SharedParts {
  readonly access: AccessControl
  readonly sealer: Sealer
  readonly egress: Egress
}

/** Limits of each exchange with the provider: bytes, and milliseconds. */
const PROVIDER_LIMITS = { maxBytes: 256 * 1024, timeout: 10_000 }

/** Joins the pages at which people sign in; undefined for an open server. */
export function openSignIn({
  config,
  db,
  now,
  ownHost,
  access,
  ...parts
}: SignInParts): SignInPages | undefined {
  if (config.signIn === null) return undefined
  const { sealer, egress } = parts
  const { oidcIssuer, oidcClientId, oidcClientSecret, oidcGroupsClaim } = config
  const provider =
    oidcIssuer && oidcClientId !== null
      ? createProvider({
          settings: {
            issuer: oidcIssuer,
            clientId: oidcClientId,
            clientSecret: oidcClientSecret,
            groupsClaim: oidcGroupsClaim,
          },
          fetch: createEgressFetch(egress, PROVIDER_LIMITS),
          now,
        })
      : undefined
  return createSignIn({
    ...access,
    db,
    now,
    viewerOf: access.authentication.viewerOf,
    provider,
    sealer,
    publicUrl: () => ownOrigin({ config, ownHost }),
    isSecure: access.cookie.isSecure,
  })
}

/** Joins the admission of machines by tokens of other issuers. */
export function openFederation({ db, now }: SharedParts, access: AccessControl, egress: Egress) {
  const parts = { ...access, db, now }
  const rules = createFederationRules(parts)
  const fetchJson = createJsonFetcher((url, options) => egress.request(url, options))
  return { rules, ...createFederation({ ...parts, rules, fetchJson }) }
}
