import { InvalidInputError, invalid } from '../input/errors.ts'
import { azureEndpoint, ecrEndpoint, isAwsRegion, isGoogleRegistry } from '../logins/cloud-registry.ts'
import type { CloudSecret, RegistryPrefix } from '../logins/registry-login.ts'
import { parseServiceAccountKey } from '../logins/service-account-key.ts'

/** Input of a cloud's key. Null and undefined mean that the field is not given. */
export interface CloudSecretInput {
  readonly aws?: AwsInput | null | undefined
  readonly google?: { readonly serviceAccountKey: string } | null | undefined
  readonly azure?: AzureInput | null | undefined
}

interface AwsInput {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | null | undefined
  readonly region?: string | null | undefined
}

interface AzureInput {
  readonly tenantId: string
  readonly clientId: string
  readonly clientSecret: string
  readonly loginServer?: string | null | undefined
}

/** Characters of one field: the longest are a service account's key and an AWS session token. */
const MAX_LENGTH = 16 * 1024
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const DOMAIN = /^(?=.{4,253}$)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+$/i

// messages never repeat the input: it is secret

/** Returns the cloud's key in the input; undefined without one. */
export function cloudSecretOf({ aws, google, azure }: CloudSecretInput): CloudSecret | undefined {
  if (aws) return { kind: 'aws', ...aws, sessionToken: aws.sessionToken ?? null, region: aws.region ?? null }
  if (google) return { kind: 'google', serviceAccountKey: google.serviceAccountKey }
  if (!azure) return undefined
  const loginServer = azure.loginServer?.toLowerCase() ?? null
  return { kind: 'azure', ...azure, loginServer }
}

/** Throws InvalidInputError unless the secret has the form of a key of its cloud. */
// the compiler does not relate the kind of the check to that of the secret
export const checkCloudSecret = (secret: CloudSecret): void => CHECKS[secret.kind](secret as never)

const CHECKS: { readonly [Kind in CloudSecret['kind']]: (secret: CloudSecret & { kind: Kind }) => void } = {
  aws({ accessKeyId, secretAccessKey, sessionToken, region }) {
    if (!/^\w{16,128}$/.test(accessKeyId)) {
      throw invalid('aws.accessKeyId', 'must have 16 to 128 letters and digits: AKIAIOSFODNN7EXAMPLE')
    }
    checkWord('aws.secretAccessKey', secretAccessKey)
    if (sessionToken !== null) checkWord('aws.sessionToken', sessionToken)
    else if (accessKeyId.startsWith('ASIA')) {
      throw invalid(
        'aws.sessionToken',
        'is missing: an access key that begins with ASIA is temporary and needs one',
      )
    }
    if (region !== null && !isAwsRegion(region)) throw invalid('aws.region', 'must be a region: eu-west-1')
  },

  google({ serviceAccountKey }) {
    const key =
      serviceAccountKey.length > MAX_LENGTH
        ? `it must have at most ${MAX_LENGTH} characters`
        : parseServiceAccountKey(serviceAccountKey)
    if (typeof key === 'string')
      throw invalid('google.serviceAccountKey', `is not a service account key: ${key}`)
  },

  azure({ tenantId, clientId, clientSecret, loginServer }) {
    if (!GUID.test(tenantId) && !DOMAIN.test(tenantId)) {
      throw invalid(
        'azure.tenantId',
        'must be a tenant id or a domain of the tenant: contoso.onmicrosoft.com',
      )
    }
    if (!GUID.test(clientId)) {
      throw invalid('azure.clientId', 'must be an application id: 00000000-0000-0000-0000-000000000000')
    }
    checkWord('azure.clientSecret', clientSecret)
    if (loginServer != null && !azureEndpoint(loginServer, null)) {
      throw invalid('azure.loginServer', 'must be the registry’s login server at Azure: team.azurecr.io')
    }
  },
}

function checkWord(field: string, value: string): void {
  if (value.length > MAX_LENGTH || !/^[\x21-\x7e]+$/.test(value)) {
    throw invalid(field, `must have 1 to ${MAX_LENGTH} printable ASCII characters without spaces`)
  }
}

/** Throws InvalidInputError unless the registry accepts keys of this cloud. */
export function checkCloudOf(secret: CloudSecret, { registry }: RegistryPrefix): void {
  const wrongRegistry = (message: string) => new InvalidInputError('prefix', message)
  if (secret.kind === 'google') {
    if (isGoogleRegistry(registry)) return
    throw wrongRegistry(
      'google is for registries of Google: europe-docker.pkg.dev, gcr.io or eu.gcr.io. If another registry accepts the key, give it as the password of the user _json_key',
    )
  }
  if (secret.kind === 'azure') {
    if (azureEndpoint(registry, secret.loginServer ?? null)) return
    throw wrongRegistry(
      'azure is for registries of Azure: team.azurecr.io. If the registry has another name, set azure.loginServer',
    )
  }
  const place = ecrEndpoint(registry, secret.region)
  if (!place) {
    throw wrongRegistry(
      'aws is for registries of Amazon: 123456789012.dkr.ecr.eu-west-1.amazonaws.com or public.ecr.aws. If the registry has another name, set aws.region',
    )
  }
  if (secret.region !== null && secret.region !== place.region) {
    throw invalid('aws.region', `must be ${place.region} for this registry, or left out`)
  }
}
