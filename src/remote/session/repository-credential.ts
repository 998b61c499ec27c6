import type { AuthorizerOptions } from '../login/authorizer.ts'
import type { Credential, Credentials } from '../login/credentials.ts'

export interface RepositoryCredentialOptions
  extends Pick<AuthorizerOptions, 'registry' | 'repository' | 'logins' | 'context'> {
  readonly credentials: Credentials
}

/** The credential for one repository, looked up once. */
export class RepositoryCredential {
  readonly #options: RepositoryCredentialOptions
  #found: Promise<Credential | null> | undefined

  constructor(options: RepositoryCredentialOptions) {
    this.#options = options
  }

  /** Returns the credential, null for anonymous access. Throws CredentialsError. */
  find(): Promise<Credential | null> {
    const { credentials, registry, repository, context } = this.#options
    this.#found ??= credentials.find(registry, repository, context.namespace)
    return this.#found
  }

  /** Returns the texts that must be removed from messages; none unless the credential was looked up. */
  async secrets(): Promise<readonly string[]> {
    const credential = await this.#found?.catch(() => null)
    const { logins, registry } = this.#options
    return credential ? logins.secretsOf(credential, registry) : []
  }
}
