import type { LoginCheck } from '../../logins/registry-login.ts'
import { RegistryError, type RegistryErrorReason } from '../../oci/registry-error.ts'
import type { Outcome, Session } from './session.ts'

/** Bytes of an answer. */
const MAX_ANSWER = 1024 * 1024

/** Where a credential is tried. */
export interface LoginPlace {
  readonly registry: string
  /** Null tries the registry alone. */
  readonly repository: string | null
}

/**
 * Asks the registry for its base, and then for a tag of the repository, as whom the session's credential names. Rejects
 * only with the signal's reason once it is aborted. Source: OCI distribution-spec, determining support; listing tags.
 */
export async function checkLogin(
  session: Session,
  { registry, repository }: LoginPlace,
): Promise<LoginCheck> {
  // also for a repository: one that anybody may read would not ask who reads it
  const base = await ask(session, '/v2/', registry)
  const isDecided = base.status === null || DECIDED.has(base.outcome)
  if (repository === null || isDecided) return base
  return ask(session, `/v2/${repository}/tags/list?n=1`, `${registry}/${repository}`)
}

const DECIDED: ReadonlySet<LoginCheck['outcome']> = new Set([
  'UNAUTHORIZED',
  'NOT_SHOWN',
  'TOO_MANY_REQUESTS',
])

/** Of errors: also what a cloud makes of its key is one. */
const OUTCOMES: { readonly [Reason in RegistryErrorReason]?: LoginCheck['outcome'] } = {
  Unauthorized: 'UNAUTHORIZED',
  Forbidden: 'FORBIDDEN',
  TooManyRequests: 'TOO_MANY_REQUESTS',
  Blocked: 'BLOCKED',
}

async function ask(session: Session, path: string, where: string): Promise<LoginCheck> {
  try {
    const outcome = await session.askSignedIn({
      what: 'an answer to a login',
      unreadable: 'RegistryUnavailable',
      method: 'GET',
      path,
      headers: { accept: 'application/json' },
      maxBytes: MAX_ANSWER,
    })
    return { ...judge(outcome, where, path !== '/v2/'), status: outcome.answer.status }
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error
    const outcome = OUTCOMES[error.reason] ?? 'UNAVAILABLE'
    return { outcome, status: error.status ?? null, message: error.message }
  }
}

function judge(
  { answer: { status }, signedIn, withheldFrom, said }: Outcome & { readonly said: string },
  where: string,
  isRepository: boolean,
): Pick<LoginCheck, 'outcome' | 'message'> {
  if (withheldFrom !== undefined) {
    const message = `the credential was not shown to ${withheldFrom}, which ${where} names as its token server and which is not known to be its own`
    return { outcome: 'NOT_SHOWN', message }
  }
  if (status === 401) {
    const message = signedIn
      ? `the credential does not open ${where}: ${said}`
      : `${where} asks for a sign-in of a kind that this server does not know: ${said}`
    return { outcome: 'UNAUTHORIZED', message }
  }
  if (status === 403)
    return { outcome: 'FORBIDDEN', message: `the credential does not open ${where}: ${said}` }
  if (status === 404 && isRepository) {
    return { outcome: 'NOT_FOUND', message: `${where} is not there, or hidden from the credential: ${said}` }
  }
  if (status === 429)
    return { outcome: 'TOO_MANY_REQUESTS', message: `${where} takes no more requests for now: ${said}` }
  if (status >= 300) return { outcome: 'UNAVAILABLE', message: `${where} gave no answer that tells: ${said}` }
  return signedIn
    ? { outcome: 'OK', message: `the credential opens ${where}` }
    : { outcome: 'NOT_ASKED_FOR', message: `${where} answers everybody, and did not ask for the credential` }
}
