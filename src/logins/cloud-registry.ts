/** Where Amazon gives what a registry of its is shown. */
export interface EcrPlace {
  readonly region: string
  /** `https://api.ecr.eu-west-1.amazonaws.com/`. */
  readonly endpoint: string
  readonly isPublic: boolean
}

const PUBLIC_ECR = 'public.ecr.aws'
const PUBLIC_REGION = 'us-east-1'
// with dkr-ecr for hosts that have IPv6 too; source: awslabs/amazon-ecr-credential-helper
const ECR =
  /^\d{12}\.dkr[.-]ecr(?<fips>-fips)?\.(?<region>[a-z0-9-]+)\.(?:amazonaws\.(?:com|com\.cn|eu)|on\.(?:aws|amazonwebservices\.com\.cn))$/
const REGION = /^[a-z]{2,5}(?:-[a-z]+){1,3}-\d{1,2}$/

/** `eu-west-1`, as a part of a host's name. */
export const isAwsRegion = (text: string): boolean => REGION.test(text)

/**
 * Where a token for the registry is had. By its name or, where that says nothing of Amazon, the region that somebody
 * named; undefined when neither tells.
 */
export function ecrPlace(registry: string, named: string | null): EcrPlace | undefined {
  if (registry === PUBLIC_ECR) {
    const endpoint = `https://api.ecr-public.${PUBLIC_REGION}.amazonaws.com/`
    return { region: PUBLIC_REGION, endpoint, isPublic: true }
  }
  const { fips, region = named } = ECR.exec(registry)?.groups ?? {}
  if (region == null || !isAwsRegion(region)) return undefined
  const host = fips ? `ecr-fips.${region}` : `api.ecr.${region}`
  return { region, endpoint: `https://${host}.${suffixOf(region)}/`, isPublic: false }
}

const suffixOf = (region: string): string => {
  if (region.startsWith('cn-')) return 'amazonaws.com.cn'
  return region.startsWith('eusc-') ? 'amazonaws.eu' : 'amazonaws.com'
}

/** Whether Google runs it: Artifact Registry, or the Container Registry before it. */
export const isGoogleRegistry = (registry: string): boolean =>
  /^(?:[a-z0-9-]+\.)*(?:pkg\.dev|gcr\.io)$/.test(registry)

/** Where Azure gives what a registry of its is shown. */
export interface AzurePlace {
  /** The registry by the name that Azure gave it. */
  readonly loginServer: string
  /** The origin of Microsoft Entra in the same cloud. */
  readonly entra: string
}

const ENTRA: Readonly<Record<string, string>> = {
  'azurecr.io': 'https://login.microsoftonline.com',
  'azurecr.cn': 'https://login.partner.microsoftonline.cn',
  'azurecr.us': 'https://login.microsoftonline.us',
}
// team.azurecr.io, which is team.eastus.geo.azurecr.io in one place only
const ACR = /^([a-z0-9][a-z0-9-]*)(?:\.[a-z0-9-]+\.geo)?\.(azurecr\.(?:io|cn|us))$/

/** By the registry's name, or the one that Azure gave it where it is known by another; undefined for another's. */
export function azurePlace(registry: string, loginServer: string | null): AzurePlace | undefined {
  const [, name, domain = ''] = ACR.exec(loginServer ?? registry) ?? []
  const entra = ENTRA[domain]
  return entra === undefined ? undefined : { loginServer: `${name}.${domain}`, entra }
}
