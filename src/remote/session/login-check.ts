import type { LoginCheck } from '../../logins/registry-login.ts'
import { RegistryError, type RegistryErrorReason } from '../../oci/registry-error.ts'
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
  const isDecided = base.status === null || DECIDED.has(base.outcome)
  if (repository === null || isDecided) return base
  return checkPath(session, `/v2/${repository}/tags/list?n=1`, `${registry}/${repository}`)
}

const DECIDED: ReadonlySet<LoginCheck['outcome']> = new Set([
  'UNAUTHORIZED',
  'NOT_SHOWN',
  'TOO_MANY_REQUESTS',
])

/** Outcomes of requests without a response, among them a cloud's refusal of its key. */
const OUTCOMES: { readonly [Reason in RegistryErrorReason]?: LoginCheck['outcome'] } = {
  Unauthorized: 'UNAUTHORIZED',
  Forbidden: 'FORBIDDEN',
  TooManyRequests: 'TOO_MANY_REQUESTS',
  Blocked: 'BLOCKED',
}

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
    const outcome = OUTCOMES[error.reason] ?? 'UNAVAILABLE'
    return { outcome, status: error.status ?? null, message: error.message }
  }
}

function outcomeOf(
  { response: { status }, signedIn, withheldFrom, text }: RegistryResponse & { readonly text: string },
  where: string,
  isRepository: boolean,
): Pick<LoginCheck, 'outcome' | 'message'> {
  const is = (outcome: LoginCheck['outcome'], message: string) => ({ outcome, message })
  if (withheldFrom !== undefined) {
    const server = `${withheldFrom}, the token server that ${where} names`
    return is('NOT_SHOWN', `the credential was not sent to ${server}: it is not trusted for this registry`)
  }
  const noAccess = `the credential has no access to ${where}: ${text}`
  const otherScheme = `${where} requires an authentication scheme that this server does not support: ${text}`
  if (status === 401) return is('UNAUTHORIZED', signedIn ? noAccess : otherScheme)
  if (status === 403) return is('FORBIDDEN', noAccess)
  if (status === 404 && isRepository) {
    return is('NOT_FOUND', `${where} does not exist, or the credential has no access to it: ${text}`)
  }
  if (status === 429) return is('TOO_MANY_REQUESTS', `${where} refuses further requests for now: ${text}`)
  if (status >= 300) return is('UNAVAILABLE', `the test is inconclusive: ${text}`)
  if (signedIn) return is('OK', `the credential has access to ${where}`)
  return is('NOT_ASKED_FOR', `${where} allows anonymous access, and did not request the credential`)
}
