import { InvalidInputError } from '../input/errors.ts'
import { azurePlace, ecrPlace, isAwsRegion, isGoogleRegistry } from '../logins/cloud-registry.ts'
import type { CloudSecret, RegistryPrefix } from '../logins/registry-login.ts'
import { parseServiceAccountKey } from '../logins/service-account-key.ts'

/** Keys of clouds as they are given; null and undefined mean that nothing is said. */
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

/** Characters of a service account's key, an AWS session token, or anything less. */
const MAX_LENGTH = 16 * 1024
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const DOMAIN = /^(?=.{4,253}$)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+$/i

// no message says what was given

/** The cloud's key that is given, if any. */
export function cloudSecretOf({ aws, google, azure }: CloudSecretInput): CloudSecret | undefined {
  if (aws) return { kind: 'aws', ...aws, sessionToken: aws.sessionToken ?? null, region: aws.region ?? null }
  if (google) return { kind: 'google', serviceAccountKey: google.serviceAccountKey }
  if (!azure) return undefined
  const loginServer = azure.loginServer?.toLowerCase() ?? null
  return { kind: 'azure', ...azure, loginServer }
}

/** Refuses what can be no key of its cloud. Throws InvalidInputError. */
export const checkCloudSecret = (secret: CloudSecret): void => CHECKS[secret.kind](secret as never)

const CHECKS: { readonly [Kind in CloudSecret['kind']]: (secret: CloudSecret & { kind: Kind }) => void } = {
  aws({ accessKeyId, secretAccessKey, sessionToken, region }) {
    if (!/^\w{16,128}$/.test(accessKeyId)) {
      throw refuse('aws.accessKeyId', 'must have 16 to 128 letters and digits, as AKIAIOSFODNN7EXAMPLE has')
    }
    checkWord('aws.secretAccessKey', secretAccessKey)
    if (sessionToken !== null) checkWord('aws.sessionToken', sessionToken)
    else if (accessKeyId.startsWith('ASIA')) {
      throw refuse('aws.sessionToken', 'is missing: an access key that begins with ASIA is a temporary one')
    }
    if (region !== null && !isAwsRegion(region))
      throw refuse('aws.region', 'must be a region, as eu-west-1 is')
  },

  google({ serviceAccountKey }) {
    const key =
      serviceAccountKey.length > MAX_LENGTH
        ? `it must have at most ${MAX_LENGTH} characters`
        : parseServiceAccountKey(serviceAccountKey)
    if (typeof key === 'string')
      throw refuse('google.serviceAccountKey', `is no key of a service account: ${key}`)
  },

  azure({ tenantId, clientId, clientSecret, loginServer }) {
    if (!GUID.test(tenantId) && !DOMAIN.test(tenantId)) {
      throw refuse('azure.tenantId', 'must be a directory’s id, or a domain of it: contoso.onmicrosoft.com')
    }
    if (!GUID.test(clientId)) {
      throw refuse('azure.clientId', 'must be an application’s id: 00000000-0000-0000-0000-000000000000')
    }
    checkWord('azure.clientSecret', clientSecret)
    if (loginServer != null && !azurePlace(loginServer, null)) {
      throw refuse('azure.loginServer', 'must be the registry’s name at Azure, as team.azurecr.io is')
    }
  },
}

function checkWord(field: string, value: string): void {
  if (value.length > MAX_LENGTH || !/^[\x21-\x7e]+$/.test(value)) {
    throw refuse(field, `must have 1 to ${MAX_LENGTH} characters: letters, digits and signs, without spaces`)
  }
}

/** Refuses a cloud's key for what is none of its registries. Throws InvalidInputError. */
export function checkCloudOf(secret: CloudSecret, { registry }: RegistryPrefix): void {
  const wrong = (message: string) => new InvalidInputError('prefix', message)
  if (secret.kind === 'google') {
    if (isGoogleRegistry(registry)) return
    throw wrong(
      'google is for Google’s registries: europe-docker.pkg.dev, gcr.io or eu.gcr.io. For another that takes the key, give it as password of the user _json_key',
    )
  }
  if (secret.kind === 'azure') {
    if (azurePlace(registry, secret.loginServer ?? null)) return
    throw wrong(
      'azure is for Azure’s registries: team.azurecr.io. Where it has another name, say in azure.loginServer which it is',
    )
  }
  const place = ecrPlace(registry, secret.region)
  if (!place) {
    throw wrong(
      'aws is for Amazon’s registries: 123456789012.dkr.ecr.eu-west-1.amazonaws.com or public.ecr.aws. Where it has another name, say in aws.region where it is',
    )
  }
  if (secret.region !== null && secret.region !== place.region) {
    throw refuse('aws.region', `must be ${place.region} there, or left out`)
  }
}

const refuse = (field: string, problem: string) => new InvalidInputError(field, `${field} ${problem}`)
