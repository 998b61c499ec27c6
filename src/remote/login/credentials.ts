import { basicCredentials, type RegistrySecret, type Secret } from '../../logins/registry-login.ts'

/** A secret that a registry, or its cloud, accepts. */
export interface Credential {
  /** Identifies the credential without revealing the secret; changes with the secret. */
  readonly id: string
  readonly secret: Secret
  /** Records a use; called for each request that is sent with the credential. */
  readonly onUsed?: () => void
}

/** A secret that is sent to a registry or its token server. */
export interface Login {
  /** The credential's id. */
  readonly id: string
  readonly secret: RegistrySecret
  /** `host[:port]` of the token server that the secret is for, also when the registry has another name. */
  readonly realm?: string
}

/** Selects the credential for a repository. */
export interface Credentials {
  /**
   * Returns the credential for a repository, null for anonymous access. `namespace` is the one on whose behalf it is read,
   * null for none; `usesServerLogins` false excludes the server's own. Throws CredentialsError when credentials cannot be read.
   */
  find(
    registry: string,
    repository: string,
    namespace: string | null,
    usesServerLogins?: boolean,
  ): Promise<Credential | null>
  /**
   * Returns the scope within which cached hints about the registry are shared: the namespace when it has credentials of its
   * own there, else empty. By default all namespaces share them.
   */
  cacheScope?(registry: string, namespace: string | null, usesServerLogins?: boolean): string
}

/** Selects the server's own credential for a repository. */
export interface ServerCredentials {
  /** As `Credentials.find`. */
  find(registry: string, repository: string): Promise<Credential | null>
  /** Reports whether requests on behalf of the namespace, or of none, may use them. */
  isFor(namespace: string | null): boolean
}

/** The credentials of a server that has none. */
export const noCredentials: ServerCredentials = { find: async () => null, isFor: () => false }

/** Selects the credential that a namespace has for a repository. */
export interface NamespaceCredentials {
  /** Null when the namespace has none. Throws CredentialsError. */
  find(namespace: string, registry: string, repository: string): Credential | null
  /** Reports whether the namespace has a credential for the registry or a part of it. */
  hasAny(namespace: string, registry: string): boolean
}

/** Scope of the hints about registries that namespaces without any credentials share; no namespace has this name. */
const ANONYMOUS_SCOPE = '-'

/** Returns credentials that select a namespace's own first, then the server's where they are for the namespace. */
export const namespaceFirst = (own: NamespaceCredentials, server: ServerCredentials): Credentials => ({
  find: async (registry, repository, namespace, usesServerLogins = true) =>
    (namespace === null ? null : own.find(namespace, registry, repository)) ??
    (usesServerLogins && server.isFor(namespace) ? server.find(registry, repository) : null),
  cacheScope(registry, namespace, usesServerLogins = true) {
    if (namespace !== null && own.hasAny(namespace, registry)) return namespace
    return usesServerLogins && server.isFor(namespace) ? '' : ANONYMOUS_SCOPE
  },
})

/** The credentials file or a credential helper cannot be used. The message contains none of their content. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError'
  readonly code = 'CREDENTIALS'
}

/** Returns the `Authorization` header for Basic authentication; undefined for a bearer token. */
export function basicAuthorization({ secret }: Pick<Login, 'secret'>): string | undefined {
  if (secret.kind === 'registry') return undefined
  const [username, password] =
    secret.kind === 'password'
      ? [secret.username, secret.password]
      : [secret.username || '<token>', secret.token]
  return `Basic ${basicCredentials(username, password)}`
}
