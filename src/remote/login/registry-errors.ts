import { BodyTooLargeError, EgressError, ForbiddenTargetError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import { InvalidManifestError } from '../../oci/manifest.ts'
import { RegistryError, type RegistryErrorReason } from '../../oci/registry-error.ts'
import { BudgetError } from '../traffic/budgets.ts'
import { RedirectError } from '../traffic/redirect.ts'
import { BlockedError } from '../traffic/request-context.ts'
import { CloudLoginError } from './cloud-token-endpoint.ts'
import { CredentialsError } from './credentials.ts'
import { pushRefusalOf } from './push-refusals.ts'
import { explain, withRemedy } from './remedies.ts'
import { errorText } from './response-text.ts'
import { TokenServerError } from './token-server.ts'

/** A request, described for the messages of its errors. */
export interface RequestSubject {
  /** As the reference spells it. */
  readonly registry: string
  /** Empty for the registry itself. */
  readonly repository: string
  /** The requested content: `the tag "1.2"`, `the list of tags`. */
  readonly what: string
  /** The content that a 404 reports as missing, when it differs from `what`. */
  readonly absent?: string
  /** Whether the content is pushed, not read. */
  readonly isPush?: boolean
  /** Reason of the error for an unreadable response. */
  readonly unreadable: 'InvalidManifest' | 'RegistryUnavailable'
}

/** How a response was obtained, for the message of its error. */
export interface ResponseOrigin {
  /** Whether the request was sent with a credential. */
  readonly signedIn: boolean
  /** The token server that did not receive the credential, because it is not trusted for the registry. */
  readonly withheldFrom?: string | undefined
  /** The responding host: `it`, the registry, by default. */
  readonly source?: string
  /** Removed from messages. */
  readonly secrets: readonly string[]
}

/** Returns the error for a response whose status is not the expected one. */
export function responseError(
  subject: Omit<RequestSubject, 'unreadable'>,
  response: EgressResponse,
  { signedIn, withheldFrom, source = 'it', secrets }: ResponseOrigin,
): RegistryError {
  const { registry, repository, what, absent, isPush = false } = subject
  const { status } = response
  const failedAction = `cannot ${actionOn(subject)}`
  const text = errorText(response, source, secrets)
  const error = (reason: RegistryErrorReason, message: string, remedy?: Parameters<typeof withRemedy>[1]) => {
    const described = `${message}: ${text}`
    return new RegistryError(remedy ? withRemedy(described, remedy) : described, {
      reason,
      registry,
      repository,
      status,
    })
  }

  const refusal = isPush ? pushRefusalOf(response) : undefined
  if (refusal) return error(refusal, failedAction)
  if (status === 401) {
    return error(
      'Unauthorized',
      signedIn
        ? `${registry}/${repository} does not exist, or the login for ${registry} ${isPush ? 'may not push to' : 'has no access to'} it`
        : `${registry}/${repository} does not exist or needs a login` +
            (withheldFrom ? `, and the login for ${registry} is not sent to ${withheldFrom}` : ''),
      signedIn ? 'otherLogin' : withheldFrom ? undefined : 'login',
    )
  }
  if (status === 403) {
    return error(
      'Forbidden',
      `${registry} denies this server access to ${repository}`,
      signedIn ? 'otherLogin' : 'login',
    )
  }
  if (status === 404) {
    return error('NotFound', `${registry} does not have ${absent ?? `${what} of ${repository}`}`)
  }
  if (status === 429) {
    const remedy = signedIn ? undefined : 'limit'
    return error('TooManyRequests', `${registry} refuses further requests for now`, remedy)
  }
  return error('RegistryUnavailable', failedAction)
}

const actionOn = ({
  registry,
  repository,
  what,
  isPush = false,
}: Omit<RequestSubject, 'unreadable'>): string =>
  isPush ? `push ${what} to ${registry}/${repository}` : `read ${what} of ${repository} from ${registry}`

/** Returns the error for a response that cannot be used; `why` is the problem. */
export const unreadableError = (
  { unreadable, ...subject }: RequestSubject,
  why: string,
  cause?: unknown,
): RegistryError =>
  new RegistryError(`cannot ${actionOn(subject)}: ${why}`, {
    reason: unreadable,
    registry: subject.registry,
    repository: subject.repository,
    cause,
  })

/** Returns the error for a request without a response; the secrets are removed from its message. */
export function requestError(
  subject: RequestSubject,
  cause: unknown,
  secrets: readonly string[],
): RegistryError {
  if (cause instanceof RegistryError) return cause
  if (cause instanceof InvalidManifestError || cause instanceof BodyTooLargeError) {
    return unreadableError(subject, cause.message, cause)
  }
  const { registry, repository } = subject
  const where = repository === '' ? registry : `${registry}/${repository}`
  const error = (reason: RegistryErrorReason, message: string, status?: number) =>
    new RegistryError(message, { reason, registry, repository, ...(status && { status }), cause })

  if (cause instanceof BudgetError) {
    return error(cause.reason, `no request was sent to ${where}: ${cause.message}`)
  }
  if (cause instanceof CredentialsError) {
    return error('InternalError', `no request was sent to ${where}: ${cause.message}`)
  }
  if (cause instanceof CloudLoginError) {
    return error(cause.reason, `cannot log in to ${where}: ${cause.message}`, cause.status)
  }
  if (cause instanceof TokenServerError) {
    const { response } = cause
    if (!response) return unusable(`the token server of ${where} cannot be used`, cause.cause ?? cause)
    const reason = response.status === 429 ? 'TooManyRequests' : 'RegistryUnavailable'
    const text = errorText(response, 'it', secrets)
    return error(reason, `the token server of ${where} returned no token: ${text}`, response.status)
  }
  if (cause instanceof RedirectError) {
    return unusable(`the redirect target of ${where} cannot be used`, cause.cause ?? cause)
  }
  if (cause instanceof BlockedError) return unusable(`no request was sent to ${where}`, cause)
  if (cause instanceof EgressError) return unusable(`the request to ${where} failed`, cause)
  return error('InternalError', `the request to ${where} failed: internal error`)

  function unusable(message: string, why: unknown): RegistryError {
    return error(reasonOf(why), `${message}: ${why instanceof Error ? explain(why) : 'unknown error'}`)
  }
}

function reasonOf(cause: unknown): RegistryErrorReason {
  if (cause instanceof ForbiddenTargetError) return 'ForbiddenTarget'
  return cause instanceof BlockedError ? 'Blocked' : 'RegistryUnavailable'
}

/** Returns the error for a vendor's API that would be requested without TLS. */
export const forbiddenApiError = ({ registry, repository }: RequestSubject): RegistryError => {
  const forbidden = new ForbiddenTargetError('plain')
  const message = withRemedy(`no request was sent to ${registry}: ${forbidden.message}`, 'api')
  return new RegistryError(message, { reason: 'ForbiddenTarget', registry, repository, cause: forbidden })
}
