import { decodeJwt } from 'jose'
import { azureEndpoint } from '../../logins/cloud-registry.ts'
import type { CloudSecret } from '../../logins/registry-login.ts'
import { CloudLoginError } from '../../remote/login/cloud-login-error.ts'
import {
  type CloudExchangeTarget,
  type CloudLogin,
  tokenOf,
} from '../../remote/login/cloud-token-endpoint.ts'

// the same in every cloud of Azure
const SCOPE = 'https://containerregistry.azure.net/.default'
/** Whose name a token of Entra goes by at a registry. */
const NOBODY_BY_NAME = '00000000-0000-0000-0000-000000000000'
/** Milliseconds; what the token says is believed only when it is less. */
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
    const message = `nothing says which registry of Azure ${registry} is`
    throw new CloudLoginError(message, { reason: 'InternalError' })
  }
  const signIn = {
    refusal: 'Microsoft Entra did not take the application’s secret',
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
    refusal: `${place.loginServer} did not take the application, which Microsoft Entra knows`,
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
    secret: { kind: 'identity', username: NOBODY_BY_NAME, token },
    realm: place.loginServer,
    expires: Math.min(expiryOf(token), endpoint.now + LIFETIME),
  }
}

/** Not verified: the registry does that, and a wrong one only costs a request. */
function expiryOf(token: string): number {
  try {
    return (decodeJwt(token).exp ?? Number.POSITIVE_INFINITY) * 1000
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
