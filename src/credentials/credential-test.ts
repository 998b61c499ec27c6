import { InvalidInputError } from '../input/errors.ts'
import type { LoginCheck } from '../logins/registry-login.ts'
import { isRepositoryName } from '../oci/reference.ts'
import { BrokenSealError } from '../secrets/errors.ts'
import { parsePrefix } from './credential-input.ts'
import type { OpenedCredential, RegistryCredentials } from './registry-credentials.ts'

/** Which credential to try, and where. */
export interface TestCredential {
  readonly namespace: string
  readonly prefix: string
  /** Below the prefix: `team/app`. Without one the registry alone is asked. */
  readonly repository?: string | null | undefined
  /** Plain HTTP or a certificate that does not verify is acceptable. */
  readonly insecure: boolean
}

/** What a registry makes of a credential, or that what is stored of it cannot be opened. */
export interface CredentialTest extends Omit<LoginCheck, 'outcome'> {
  readonly outcome: LoginCheck['outcome'] | 'BROKEN'
}

/** Asks a registry; `app-credentials.ts` joins it to the client in `remote/`. Rejects with the signal's reason. */
export type AskRegistry = (
  place: { readonly registry: string; readonly repository: string | null },
  credential: OpenedCredential,
  context: { readonly namespace: string; readonly insecure: boolean; readonly signal: AbortSignal },
) => Promise<LoginCheck>

/** Throws UnknownCredentialError, InvalidInputError; what the registry says is no error. */
export type TestCredentialCommand = (input: TestCredential) => Promise<CredentialTest>

/** Milliseconds that a test takes at most. */
const PATIENCE = 20_000

export const createCredentialTest =
  (store: Pick<RegistryCredentials, 'open'>, ask: AskRegistry): TestCredentialCommand =>
  async ({ namespace, prefix, repository = null, insecure }) => {
    const { registry, path } = parsePrefix(prefix)
    if (repository !== null && !isBelow(repository, path)) {
      const below =
        path === '' ? 'a repository of the registry, without its name' : `a repository below ${path}`
      throw new InvalidInputError('repository', `repository must be ${below}: ${path || 'team'}/app`)
    }
    const signal = AbortSignal.timeout(PATIENCE)
    try {
      const credential = store.open({ namespace, prefix })
      return await ask({ registry, repository }, credential, { namespace, insecure, signal })
    } catch (error) {
      if (error instanceof BrokenSealError) return { outcome: 'BROKEN', status: null, message: error.message }
      if (!signal.aborted) throw error
      const message = `${registry} gave no answer in ${PATIENCE / 1000} seconds`
      return { outcome: 'UNAVAILABLE', status: null, message }
    }
  }

const isBelow = (repository: string, path: string): boolean =>
  isRepositoryName(repository) && (path === '' || repository === path || repository.startsWith(`${path}/`))
