import { matchesGlob } from '../input/glob.ts'
import type { FailureReason } from '../oci/failure-reason.ts'
import { isObject, textOf } from '../oci/json.ts'
import { isRegistryName, isRepositoryName } from '../oci/reference.ts'

/** A secret that is sent to a registry or its token server. */
export type RegistrySecret =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token; the username is for token servers without OAuth2. */
  | { readonly kind: 'identity'; readonly username: string; readonly token: string }
  /** A bearer token for the registry itself. */
  | { readonly kind: 'registry'; readonly token: string }

/** A cloud's key, which the cloud exchanges for a RegistrySecret that is valid for some hours. */
export type CloudSecret =
  | {
      readonly kind: 'aws'
      readonly accessKeyId: string
      readonly secretAccessKey: string
      /** The session token of temporary keys; null for others. */
      readonly sessionToken: string | null
      /** For registries whose name does not contain it. */
      readonly region: string | null
    }
  /** The text of the JSON key file. */
  | { readonly kind: 'google'; readonly serviceAccountKey: string }
  | {
      readonly kind: 'azure'
      readonly tenantId: string
      readonly clientId: string
      readonly clientSecret: string
      /** `team.azurecr.io`, for a registry with another name. */
      readonly loginServer?: string | null
    }

/** The secret of a registry credential. */
export type Secret = RegistrySecret | CloudSecret

/** Reports whether the secret is exchanged before a login. */
export const isCloudSecret = (secret: Secret): secret is CloudSecret =>
  secret.kind === 'aws' || secret.kind === 'google' || secret.kind === 'azure'

/** Returns the texts that must be removed from messages. */
export function secretWords(secret: Secret): readonly string[] {
  switch (secret.kind) {
    case 'password':
      return [secret.password]
    case 'aws':
      return [secret.secretAccessKey, ...(secret.sessionToken === null ? [] : [secret.sessionToken])]
    case 'google':
      return [secret.serviceAccountKey]
    case 'azure':
      return [secret.clientSecret]
    default:
      return [secret.token]
  }
}

/** A registry, or the part of one below a path. */
export interface RegistryPrefix {
  /** `host[:port]`, in lower case; `docker.io` for all names of Docker Hub. */
  readonly registry: string
  /** `team/app`, or empty for the whole registry. */
  readonly path: string
}

const HUB = 'docker.io'
const HUB_HOSTS = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io'])

/**
 * Splits a registry's name in a docker config: `https://index.docker.io/v1/`, `registry.example/team/`. The result is not
 * validated: see `isRegistryPrefix`.
 */
export function splitPrefix(text: string): RegistryPrefix {
  const bare = text.replace(/^https?:\/\//i, '').replace(/\/+$/, '')
  const slash = bare.indexOf('/')
  const host = (slash < 0 ? bare : bare.slice(0, slash)).toLowerCase()
  const path = slash < 0 ? '' : bare.slice(slash + 1).replace(/^v[12]$/, '')
  return { registry: HUB_HOSTS.has(host) ? HUB : host, path }
}

/** Returns the credentials after `Basic ` in an `Authorization` header. Source: RFC 7617 §2. */
export const basicCredentials = (username: string, password: string): string =>
  Buffer.from(`${username}:${password}`).toString('base64')

/** Reports whether the prefix is valid. `team` alone is not: at Docker Hub it is `docker.io/team`. */
export const isRegistryPrefix = ({ registry, path }: RegistryPrefix): boolean =>
  /[.:]|^localhost$/.test(registry) && isRegistryName(registry) && (path === '' || isRepositoryName(path))

/** Returns `registry.example/team`. */
export const formatPrefix = ({ registry, path }: RegistryPrefix): string =>
  path === '' ? registry : `${registry}/${path}`

/** Returns the paths above a repository by segments: the repository itself first, the empty path last. */
export function* pathsAbove(repository: string): Generator<string> {
  for (let path = repository; path !== ''; path = path.slice(0, Math.max(0, path.lastIndexOf('/'))))
    yield path
  yield ''
}

/** Reports whether it is a pattern of hosts as in Kubernetes: `*.example.com`. */
export const isRegistryGlob = ({ registry }: RegistryPrefix): boolean => registry.includes('*')

/**
 * Reports whether the repository is below the pattern, in which a `*` matches neither a dot nor a port.
 * Source: Kubernetes, Images, interpretation of config.json.
 */
export function liesBelowGlob(glob: RegistryPrefix, registry: string, repository: string): boolean {
  const [patterns, labels] = [glob.registry, registry].map(partsOf) as [string[], string[]]
  return (
    patterns.length === labels.length &&
    patterns.every((pattern, at) => matchesGlob(pattern, labels[at] ?? '')) &&
    [...pathsAbove(repository)].includes(glob.path)
  )
}

// labels, then the port, empty for none
const partsOf = (host: string): string[] => {
  const [, name = host, port = ''] = /^(.*?)(?::(\d+))?$/.exec(host) ?? []
  return [...name.split('.'), port]
}

/** Returns the secret in an entry of a docker config's `auths`; undefined for none. */
export function secretOfEntry(entry: unknown): RegistrySecret | undefined {
  if (!isObject(entry)) return undefined
  const auth = Buffer.from(textOf(entry.auth), 'base64').toString('utf8').replace(/\0+$/, '')
  const colon = auth.indexOf(':')
  const username = colon < 0 ? textOf(entry.username) : auth.slice(0, colon)
  const password = colon < 0 ? textOf(entry.password) : auth.slice(colon + 1)
  const identity = textOf(entry.identitytoken)
  const registry = textOf(entry.registrytoken)
  if (registry !== '') return { kind: 'registry', token: registry }
  if (identity !== '') return { kind: 'identity', username, token: identity }
  return username === '' && password === '' ? undefined : { kind: 'password', username, password }
}

/** The result of testing a credential at a registry. */
export interface LoginCheck {
  /** NOT_REQUIRED: the registry responded without a credential, so that it was not sent. */
  readonly outcome: 'ACCEPTED' | 'NOT_REQUIRED' | 'FAILED'
  /** Null unless the test failed. */
  readonly reason: FailureReason | null
  /** HTTP status of the response; null when there was none. */
  readonly status: number | null
  /** Describes the result. */
  readonly message: string
}
