import type { AuditRecorder } from '../access/audit/audit-log.ts'
import { requireInNamespace, type Viewer } from '../access/right/viewer.ts'
import { Deadline } from '../concurrency/abort.ts'
import type { Database } from '../db/open.ts'
import { InvalidInputError } from '../input/errors.ts'
import type { LoginCheck } from '../logins/registry-login.ts'
import type { FailureReason } from '../oci/failure-reason.ts'
import { isRepositoryName } from '../oci/reference.ts'
import { BrokenSealError } from '../secrets/sealer.ts'
import { parsePrefix } from './credential-input.ts'
import {
  type CredentialPlace,
  type OpenedCredential,
  type RegistryCredentials,
  UnboundCredentialError,
} from './registry-credentials.ts'

/** A credential to test, and the repository to test it with. */
export interface TestCredential extends CredentialPlace {
  /** Repository at or below the prefix: `team/app`. Null tests the login at the registry alone. */
  readonly repository?: string | null | undefined
  /** Accepts plain HTTP and certificates that do not verify. */
  readonly insecure: boolean
  /** Seconds to wait for the result. */
  readonly waitSeconds: number
}

/** Logs in to a registry with a credential. Rejects with the signal's reason. */
export type CheckLogin = (
  place: { readonly registry: string; readonly repository: string | null },
  credential: OpenedCredential,
  context: { readonly namespace: string; readonly insecure: boolean; readonly signal: AbortSignal },
) => Promise<LoginCheck>

/** Throws ForbiddenError, UnauthenticatedError, NotFoundError and InvalidInputError; a refusal by the registry is a result. */
export type TestCredentialCommand = (viewer: Viewer, input: TestCredential) => Promise<LoginCheck>

export interface CredentialTestDependencies {
  readonly db: Database
  readonly audit: AuditRecorder
  readonly store: Pick<RegistryCredentials, 'open'>
  readonly checkLogin: CheckLogin
}

export function createCredentialTest({
  db,
  audit,
  store,
  checkLogin,
}: CredentialTestDependencies): TestCredentialCommand {
  const check = async ({ repository = null, insecure, waitSeconds, ...place }: TestCredential) => {
    const { registry } = parsePrefix(place.prefix)
    using deadline = new Deadline(waitSeconds * 1000)
    const { signal } = deadline
    try {
      const credential = store.open(place)
      const context = { namespace: place.namespace, insecure, signal }
      return await checkLogin({ registry, repository }, credential, context)
    } catch (error) {
      if (error instanceof BrokenSealError || error instanceof UnboundCredentialError) {
        return failed('UnreadableSecret', error.message)
      }
      if (!signal.aborted) throw error
      return failed('RegistryUnavailable', `${registry} did not respond within ${waitSeconds} seconds`)
    }
  }

  return async (viewer, input) => {
    const { namespace, prefix, repository = null } = input
    requireInNamespace(viewer, 'credentials', namespace)
    const { path } = parsePrefix(prefix)
    if (repository !== null && !isAtOrBelow(repository, path)) {
      const allowed =
        path === ''
          ? 'a repository of the registry, without the registry’s name'
          : `a repository below ${path}`
      throw new InvalidInputError('repository', `repository must be ${allowed}: ${path || 'team'}/app`)
    }
    const result = await check(input)
    const { outcome, reason } = result
    const details = { repository, outcome, reason }
    db.transact((tx) =>
      audit.record(tx, viewer, { action: 'testRegistryCredential', namespace, target: prefix, details }),
    )
    return result
  }
}

const failed = (reason: FailureReason, message: string): LoginCheck => ({
  outcome: 'FAILED',
  reason,
  status: null,
  message,
})

const isAtOrBelow = (repository: string, path: string): boolean =>
  isRepositoryName(repository) && (path === '' || repository === path || repository.startsWith(`${path}/`))
