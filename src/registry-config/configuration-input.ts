import type { ClientCertificate } from '../egress/route.ts'
import { checkCertificates, checkClientCertificate } from '../input/certificate.ts'
import { InvalidInputError, invalid } from '../input/errors.ts'
import { formatPrefix, type RegistryPrefix } from '../logins/registry-login.ts'
import { hasControlCharacter } from '../oci/control-characters.ts'
import type { MirrorUse } from '../remote/location/registry-rules.ts'
import type { Mirror, ProxySetting, RegistryConfiguration } from './configuration.ts'
import { parsePrefix } from './prefix.ts'

/** Settings to change. A field that is undefined keeps its value; null removes the setting. */
type Change<Settings> = { readonly [Name in keyof Settings]?: Settings[Name] | null | undefined }

/** Settings that are stored as they are given. */
type PlainSettings = Pick<
  RegistryConfiguration,
  'access' | 'location' | 'insecure' | 'ca' | 'concurrency' | 'requestsPerSecond' | 'vendor' | 'apiUrl'
>

/** A change of a configuration. */
export interface ConfigurationInput extends Change<PlainSettings> {
  readonly mirrors?: readonly MirrorInput[] | null | undefined
  /** Always with its key, so that a key is only used with the certificate that it was set with. */
  readonly clientCertificate?: ClientCertificate | null | undefined
  readonly proxy?: ProxyInput | null | undefined
}

export interface MirrorInput {
  readonly location: string
  readonly insecure?: boolean | null | undefined
  readonly serves?: MirrorUse | null | undefined
}

/** Always complete, so that a password is only sent to the proxy that it was set for. */
export interface ProxyInput {
  readonly url: string
  readonly username?: string | null | undefined
  readonly password?: string | null | undefined
}

/** A change that can be made. */
export interface CheckedInput extends Omit<ConfigurationInput, 'mirrors' | 'proxy'> {
  readonly mirrors?: readonly Mirror[] | null | undefined
  readonly proxy?: CheckedProxy | null | undefined
}

interface CheckedProxy extends ProxySetting {
  readonly password: string | null
}

const MAX_MIRRORS = 10
/** Most requests to one registry at a time that a configuration may allow. */
export const MAX_CONCURRENCY = 256
const LIMITS = {
  concurrency: { least: 1, most: MAX_CONCURRENCY, isWhole: true },
  requestsPerSecond: { least: 0.01, most: 10_000, isWhole: false },
}
const MAX_LOGIN_LENGTH = 1024

/** Returns the change in its stored form. `now` in milliseconds since 1970. Throws InvalidInputError. */
export function checkInput(prefix: RegistryPrefix, input: ConfigurationInput, now: number): CheckedInput {
  const { access, location, mirrors, insecure, ca, clientCertificate, proxy, vendor, apiUrl } = input
  return {
    access,
    insecure,
    vendor,
    location: ifSet(location, (text) => formatPrefix(parsePrefix(text, 'location'))),
    mirrors: ifSet(mirrors, checkMirrors),
    ca: ifSet(ca, (pem) => checkCertificates(pem, 'ca')),
    clientCertificate: ifSet(clientCertificate, (given) =>
      checkClientCertificate(given, { field: 'clientCertificate', now }),
    ),
    proxy: ifSet(proxy, checkProxy),
    ...checkLimits(prefix, input),
    apiUrl: ifSet(apiUrl, checkApiUrl),
  }
}

/** Returns the result of `check`; undefined and null unchanged. */
export const ifSet = <Given, Checked>(
  given: Given | null | undefined,
  check: (given: Given) => Checked,
): Checked | null | undefined => (given == null ? (given as null | undefined) : check(given))

function checkMirrors(inputs: readonly MirrorInput[]): Mirror[] {
  if (inputs.length > MAX_MIRRORS) {
    throw new InvalidInputError('mirrors', `a registry has at most ${MAX_MIRRORS} mirrors`)
  }
  const mirrors = inputs.map(({ location, insecure, serves }, at) => ({
    location: formatPrefix(parsePrefix(location, `mirrors.${at}.location`)),
    insecure: insecure ?? false,
    serves: serves ?? 'DIGESTS',
  }))
  for (const [at, { location }] of mirrors.entries()) {
    if (mirrors.findIndex((one) => one.location === location) === at) continue
    throw new InvalidInputError(`mirrors.${at}.location`, `the mirror ${location} is listed twice`)
  }
  return mirrors
}

function checkLimits(
  { path }: RegistryPrefix,
  limits: Pick<ConfigurationInput, keyof typeof LIMITS>,
): Pick<ConfigurationInput, keyof typeof LIMITS> {
  for (const field of ['concurrency', 'requestsPerSecond'] as const) {
    const limit = limits[field]
    const { least, most, isWhole } = LIMITS[field]
    if (limit == null) continue
    if (path !== '') throw invalid(field, 'applies to a whole registry: set it without a path')
    if (!(limit >= least && limit <= most) || (isWhole && !Number.isInteger(limit))) {
      throw invalid(field, `must be from ${least} to ${most}`)
    }
  }
  return { concurrency: limits.concurrency, requestsPerSecond: limits.requestsPerSecond }
}

// messages never repeat the input: URLs may contain passwords

function checkProxy({ url: text, username, password }: ProxyInput): CheckedProxy {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url && (url.username !== '' || url.password !== '')) {
    throw invalid(
      'proxy.url',
      'must not contain a login: use username and password, which are stored encrypted',
    )
  }
  if (url?.protocol !== 'http:' || url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw invalid('proxy.url', 'must be http://, a host and a port only: http://proxy.example:3128')
  }
  const name = username || null
  // RFC 7617 §2: a colon ends the name
  if (name !== null && (name.length > MAX_LOGIN_LENGTH || name.includes(':') || hasControlCharacter(name))) {
    throw invalid(
      'proxy.username',
      `must have at most ${MAX_LOGIN_LENGTH} characters, without colons and control characters`,
    )
  }
  if (password != null && name === null) {
    throw new InvalidInputError('proxy.username', 'a password needs a username')
  }
  if (password != null && (password.length > MAX_LOGIN_LENGTH || hasControlCharacter(password))) {
    throw invalid(
      'proxy.password',
      `must have at most ${MAX_LOGIN_LENGTH} characters, without control characters`,
    )
  }
  return { url: url.origin, username: name, password: name === null ? null : (password ?? '') }
}

function checkApiUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isHttp = url?.protocol === 'https:' || url?.protocol === 'http:'
  if (url && isHttp && url.username === '' && url.password === '' && url.search === '' && url.hash === '') {
    return url.href.replace(/\/+$/, '')
  }
  throw invalid(
    'apiUrl',
    'must be an http or https URL without a login and a query: https://jfrog.example/artifactory',
  )
}
