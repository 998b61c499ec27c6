import { ecrEndpoint } from '../../logins/cloud-registry.ts'
import type { CloudSecret } from '../../logins/registry-login.ts'
import { isObject } from '../../oci/json.ts'
import {
  type CloudExchangeTarget,
  type CloudLogin,
  CloudLoginError,
  tokenOf,
} from '../../remote/login/cloud-token-endpoint.ts'
import { isPlausibleTime } from '../listing/response.ts'
import { signedHeaders } from './signature.ts'

const PRIVATE = { service: 'ecr', target: 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken' }
const PUBLIC = { service: 'ecr-public', target: 'SpencerFrontendService.GetAuthorizationToken' }
/** Milliseconds after which a password is not used, even if Amazon reports a later expiry. */
const LIFETIME = 12 * 3_600_000

/**
 * Exchanges an access key for the password of the user AWS. Throws CloudLoginError, or the signal's reason once it is
 * aborted. Source: Amazon ECR API, GetAuthorizationToken; AWS Signature Version 4.
 */
export async function loginToEcr(
  secret: CloudSecret & { kind: 'aws' },
  { registry, endpoint }: CloudExchangeTarget,
): Promise<CloudLogin> {
  const place = ecrEndpoint(registry, secret.region)
  if (!place) {
    const message = `the AWS region of ${registry} is unknown: set aws.region with setRegistryCredential`
    throw new CloudLoginError(message, { reason: 'InternalError' })
  }
  const { service, target } = place.isPublic ? PUBLIC : PRIVATE
  const url = endpoint.urlOf(place.endpoint)
  const body = '{}'
  const call = { url, service, region: place.region, target, body, now: endpoint.now }
  const headers = await signedHeaders(secret, call)
  const step = {
    refusal: 'Amazon refused the access key',
    url,
    headers,
    body,
    secrets: [
      secret.secretAccessKey,
      secret.sessionToken ?? '',
      headers.authorization?.split('Signature=')[1] ?? '',
    ],
  }
  const { authorizationData } = await endpoint.post(step)
  const data: unknown = Array.isArray(authorizationData) ? authorizationData[0] : authorizationData
  const token = isObject(data) ? tokenOf(data.authorizationToken) : undefined
  const pair = Buffer.from(token ?? '', 'base64').toString()
  const colon = pair.indexOf(':')
  if (!isObject(data) || colon < 1 || colon === pair.length - 1) throw endpoint.missingToken(step)
  return {
    secret: { kind: 'password', username: pair.slice(0, colon), password: pair.slice(colon + 1) },
    expires: expiryOf(data.expiresAt, endpoint.now),
  }
}

const expiryOf = (seconds: unknown, now: number): number =>
  typeof seconds === 'number' && isPlausibleTime(seconds * 1000)
    ? Math.min(seconds * 1000, now + LIFETIME)
    : now + LIFETIME
