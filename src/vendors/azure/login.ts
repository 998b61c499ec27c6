import { decodeJwt } from 'jose'
import { azureEndpoint } from '../../logins/cloud-registry.ts'
import type { CloudSecret } from '../../logins/registry-login.ts'
import {
  type CloudExchangeTarget,
  type CloudLogin,
  CloudLoginError,
  tokenOf,
} from '../../remote/login/cloud-token-endpoint.ts'
import { isPlausibleTime } from '../listing/response.ts'

// the same in all Azure clouds
const SCOPE = 'https://containerregistry.azure.net/.default'
/** Username of Entra tokens at a registry. */
const TOKEN_USERNAME = '00000000-0000-0000-0000-000000000000'
/** Milliseconds after which a token is not used, even if it expires later. */
const LIFETIME = 3 * 3_600_000

/**
 * Exchanges an application's secret for a token of Microsoft Entra, and that for a refresh token of the registry. Throws
 * CloudLoginError, or the signal's reason once it is aborted. Source: Azure/acr, docs/AAD-OAuth.md; Microsoft identity
 * platform, client credentials flow.
 */
export async function loginToAzure(
  { tenantId, clientId, clientSecret, loginServer = null }: CloudSecret & { kind: 'azure' },
  { registry, endpoint }: CloudExchangeTarget,
): Promise<CloudLogin> {
  const place = azureEndpoint(registry, loginServer)
  if (!place) {
    const message = `the Azure registry of ${registry} is unknown: set azure.loginServer with setRegistryCredential`
    throw new CloudLoginError(message, { reason: 'InternalError' })
  }
  const signIn = {
    refusal: 'Microsoft Entra refused the secret of the application',
    url: endpoint.urlOf(`${place.entra}/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`),
    form: {
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope: SCOPE,
    },
    secrets: [clientSecret],
  }
  const accessToken = tokenOf((await endpoint.postForm(signIn)).access_token)
  if (accessToken === undefined) throw endpoint.missingToken(signIn)

  const exchange = {
    refusal: `${place.loginServer} refused the application, which Microsoft Entra accepted`,
    url: endpoint.urlOf(`https://${place.loginServer}/oauth2/exchange`),
    form: {
      grant_type: 'access_token',
      service: place.loginServer,
      tenant: tenantId,
      access_token: accessToken,
    },
    secrets: [...signIn.secrets, accessToken],
  }
  const token = tokenOf((await endpoint.postForm(exchange)).refresh_token)
  if (token === undefined) throw endpoint.missingToken(exchange)
  return {
    secret: { kind: 'identity', username: TOKEN_USERNAME, token },
    realm: place.loginServer,
    expires: Math.min(expiryOf(token), endpoint.now + LIFETIME),
  }
}

/** Returns the token's expiry; infinite when it has no plausible one. Not verified: a wrong one only costs a request. */
function expiryOf(token: string): number {
  try {
    const expiry = (decodeJwt(token).exp ?? Number.NaN) * 1000
    return isPlausibleTime(expiry) ? expiry : Number.POSITIVE_INFINITY
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
