import type { LoginCheck } from '../../logins/registry-login.ts'
import type { FailureReason } from '../../oci/failure-reason.ts'
import { RegistryError } from '../../oci/registry-error.ts'
import type { RegistryResponse } from './registry-request.ts'
import type { Session } from './session.ts'

/** Bytes of a response. */
const MAX_RESPONSE = 1024 * 1024

/** Where a credential is tested. */
export interface LoginTarget {
  readonly registry: string
  /** Null tests at the registry alone. */
  readonly repository: string | null
}

/**
 * Tests the session's credential: requests `/v2/`, then a tag of the repository. Rejects only with the signal's reason once
 * it is aborted. Source: OCI distribution-spec, determining support; listing tags.
 */
export async function checkLogin(
  session: Session,
  { registry, repository }: LoginTarget,
): Promise<LoginCheck> {
  // also for a repository: a public one does not require the credential
  const base = await checkPath(session, '/v2/', registry)
  const isDecided = base.status === null || DECIDED.has(base.reason)
  if (repository === null || isDecided) return base
  return checkPath(session, `/v2/${repository}/tags/list?n=1`, `${registry}/${repository}`)
}

/** Failures that no other path of the registry would change. */
const DECIDED: ReadonlySet<FailureReason | null> = new Set([
  'Unauthorized',
  'UntrustedTokenServer',
  'TooManyRequests',
])

async function checkPath(session: Session, path: string, where: string): Promise<LoginCheck> {
  try {
    const result = await session.requestSignedIn({
      what: 'the response to a login',
      unreadable: 'RegistryUnavailable',
      method: 'GET',
      path,
      headers: { accept: 'application/json' },
      maxBytes: MAX_RESPONSE,
    })
    return { ...outcomeOf(result, where, path !== '/v2/'), status: result.response.status }
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error
    const { reason, message } = error
    return { outcome: 'FAILED', reason, status: error.status ?? null, message }
  }
}

function outcomeOf(
  { response: { status }, signedIn, withheldFrom, text }: RegistryResponse & { readonly text: string },
  where: string,
  isRepository: boolean,
): Omit<LoginCheck, 'status'> {
  const failed = (reason: FailureReason, message: string) => ({ outcome: 'FAILED', reason, message }) as const
  if (withheldFrom !== undefined) {
    const server = `${withheldFrom}, the token server that ${where} names`
    return failed(
      'UntrustedTokenServer',
      `the credential was not sent to ${server}: it is not trusted for this registry`,
    )
  }
  const noAccess = `the credential has no access to ${where}: ${text}`
  const otherScheme = `${where} requires an authentication scheme that this server does not support: ${text}`
  if (status === 401) return failed('Unauthorized', signedIn ? noAccess : otherScheme)
  if (status === 403) return failed('Forbidden', noAccess)
  if (status === 404 && isRepository) {
    return failed('NotFound', `${where} does not exist, or the credential has no access to it: ${text}`)
  }
  if (status === 429) return failed('TooManyRequests', `${where} refuses further requests for now: ${text}`)
  if (status >= 300) return failed('RegistryUnavailable', `the test is inconclusive: ${text}`)
  if (signedIn) return { outcome: 'ACCEPTED', reason: null, message: `the credential has access to ${where}` }
  const message = `${where} allows anonymous access, and did not request the credential`
  return { outcome: 'NOT_REQUIRED', reason: null, message }
}
