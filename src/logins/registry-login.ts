import { isObject } from '../oci/descriptor.ts'
import { isRegistryName, isRepositoryName } from '../oci/reference.ts'

/** What a registry, or its token server, is shown. */
export type RegistrySecret =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token; the name is for token servers that know no OAuth2. */
  | { readonly kind: 'identity'; readonly username: string; readonly token: string }
  /** A bearer token for the registry itself. */
  | { readonly kind: 'registry'; readonly token: string }

/** What a cloud exchanges for something that its registry may be shown, for some hours. */
export type CloudSecret =
  | {
      readonly kind: 'aws'
      readonly accessKeyId: string
      readonly secretAccessKey: string
      /** Of temporary keys. */
      readonly sessionToken: string | null
      /** Where the registry's name does not tell it. */
      readonly region: string | null
    }
  /** The JSON key file's text. */
  | { readonly kind: 'google'; readonly serviceAccountKey: string }
  | {
      readonly kind: 'azure'
      readonly tenantId: string
      readonly clientId: string
      readonly clientSecret: string
      /** `team.azurecr.io`, where the registry is known by another name. */
      readonly loginServer?: string | null
    }

/** What somebody signs in to a registry with. */
export type Secret = RegistrySecret | CloudSecret

/** Whether it is exchanged before anything is shown. */
export const isCloudSecret = (secret: Secret): secret is CloudSecret =>
  secret.kind === 'aws' || secret.kind === 'google' || secret.kind === 'azure'

/** What of it must appear in no message. */
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
  /** `host[:port]`, in lower case; Docker Hub is `docker.io`, whatever it is called. */
  readonly registry: string
  /** `team/app`, or empty for the whole registry. */
  readonly path: string
}

const HUB = 'docker.io'
const HUB_HOSTS = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io'])

/**
 * `https://index.docker.io/v1/` and `registry.example/team/`, as docker configs name registries, taken apart. What it
 * gives may break the grammar: see `isRegistryPrefix`.
 */
export function splitPrefix(text: string): RegistryPrefix {
  const bare = text.replace(/^https?:\/\//i, '').replace(/\/+$/, '')
  const slash = bare.indexOf('/')
  const host = (slash < 0 ? bare : bare.slice(0, slash)).toLowerCase()
  const path = slash < 0 ? '' : bare.slice(slash + 1).replace(/^v[12]$/, '')
  return { registry: HUB_HOSTS.has(host) ? HUB : host, path }
}

/** What stands behind `Basic ` in an `Authorization` header. Source: RFC 7617 §2. */
export const basicCredentials = (username: string, password: string): string =>
  Buffer.from(`${username}:${password}`).toString('base64')

/** Whether a repository can lie below it. `team` alone is none: who means Docker Hub writes `docker.io/team`. */
export const isRegistryPrefix = ({ registry, path }: RegistryPrefix): boolean =>
  /[.:]|^localhost$/.test(registry) && isRegistryName(registry) && (path === '' || isRepositoryName(path))

/** `registry.example/team`. */
export const formatPrefix = ({ registry, path }: RegistryPrefix): string =>
  path === '' ? registry : `${registry}/${path}`

/** The paths that a repository lies below, whole segments only: itself first, and empty, the whole registry, last. */
export function* pathsAbove(repository: string): Generator<string> {
  for (let path = repository; path !== ''; path = path.slice(0, Math.max(0, path.lastIndexOf('/'))))
    yield path
  yield ''
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** What an entry of a docker config's `auths` holds; undefined when it holds nothing. */
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

/** What a registry makes of a credential. */
export interface LoginCheck {
  readonly outcome:
    | 'OK'
    | 'NOT_ASKED_FOR'
    | 'NOT_SHOWN'
    | 'UNAUTHORIZED'
    | 'FORBIDDEN'
    | 'NOT_FOUND'
    | 'TOO_MANY_REQUESTS'
    | 'BLOCKED'
    | 'UNAVAILABLE'
  /** HTTP status of the answer that says so; null when there was none. */
  readonly status: number | null
  /** For a person. */
  readonly message: string
}
