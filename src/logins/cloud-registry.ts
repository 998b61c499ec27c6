/** The endpoint of Amazon that returns logins for a registry. */
export interface EcrEndpoint {
  readonly region: string
  /** `https://api.ecr.eu-west-1.amazonaws.com/`. */
  readonly endpoint: string
  readonly isPublic: boolean
}

const PUBLIC_ECR = 'public.ecr.aws'
const PUBLIC_REGION = 'us-east-1'
// dkr-ecr: hosts that also have IPv6; source: awslabs/amazon-ecr-credential-helper
const ECR =
  /^\d{12}\.dkr[.-]ecr(?<fips>-fips)?\.(?<region>[a-z0-9-]+)\.(?:amazonaws\.(?:com|com\.cn|eu)|on\.(?:aws|amazonwebservices\.com\.cn))$/
const REGION = /^[a-z]{2,5}(?:-[a-z]+){1,3}-\d{1,2}$/

/** Reports whether the text is a region, such as `eu-west-1`. */
export const isAwsRegion = (text: string): boolean => REGION.test(text)

/**
 * Returns the endpoint for a registry, by its name or, when that is not one of Amazon, by the configured region; undefined
 * when neither determines it.
 */
export function ecrEndpoint(registry: string, configuredRegion: string | null): EcrEndpoint | undefined {
  if (registry === PUBLIC_ECR) {
    const endpoint = `https://api.ecr-public.${PUBLIC_REGION}.amazonaws.com/`
    return { region: PUBLIC_REGION, endpoint, isPublic: true }
  }
  const { fips, region = configuredRegion } = ECR.exec(registry)?.groups ?? {}
  if (region == null || !isAwsRegion(region)) return undefined
  const host = fips ? `ecr-fips.${region}` : `api.ecr.${region}`
  return { region, endpoint: `https://${host}.${suffixOf(region)}/`, isPublic: false }
}

const suffixOf = (region: string): string => {
  if (region.startsWith('cn-')) return 'amazonaws.com.cn'
  return region.startsWith('eusc-') ? 'amazonaws.eu' : 'amazonaws.com'
}

/** Reports whether it is a registry of Google: Artifact Registry, or its predecessor Container Registry. */
export const isGoogleRegistry = (registry: string): boolean =>
  /^(?:[a-z0-9-]+\.)*(?:pkg\.dev|gcr\.io)$/.test(registry)

/** The hosts of Azure that return logins for a registry. */
export interface AzureEndpoint {
  /** The registry's name at Azure: `team.azurecr.io`. */
  readonly loginServer: string
  /** The origin of Microsoft Entra in the same cloud. */
  readonly entra: string
}

const ENTRA: Readonly<Record<string, string>> = {
  'azurecr.io': 'https://login.microsoftonline.com',
  'azurecr.cn': 'https://login.partner.microsoftonline.cn',
  'azurecr.us': 'https://login.microsoftonline.us',
}
// team.azurecr.io, or team.eastus.geo.azurecr.io for one of its regions
const ACR = /^([a-z0-9][a-z0-9-]*)(?:\.[a-z0-9-]+\.geo)?\.(azurecr\.(?:io|cn|us))$/

/** Returns the hosts for a registry, by `loginServer` when it has another name; undefined for one that is not Azure's. */
export function azureEndpoint(registry: string, loginServer: string | null): AzureEndpoint | undefined {
  const [, name, domain = ''] = ACR.exec(loginServer ?? registry) ?? []
  const entra = ENTRA[domain]
  return entra === undefined ? undefined : { loginServer: `${name}.${domain}`, entra }
}
