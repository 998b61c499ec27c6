import { BodyTooLargeError, ForbiddenTargetError, isEgressError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import { isObject } from '../../oci/descriptor.ts'
import { InvalidManifestError } from '../../oci/manifest.ts'
import { RegistryError, type RegistryErrorReason } from '../../oci/registry-error.ts'
import { BlockedError } from '../traffic/blocked-error.ts'
import { BudgetError } from '../traffic/budget.ts'
import { RedirectError } from '../traffic/redirect.ts'
import { CloudLoginError } from './cloud-login-error.ts'
import { CredentialsError } from './credentials-error.ts'

/** What was asked of whom, for the words of an error. */
export interface Question {
  /** As the reference spells it. */
  readonly registry: string
  /** Empty for the registry itself. */
  readonly repository: string
  /** `the tag "1.2"`, `the list of tags`. */
  readonly what: string
  /** What a 404 says is missing, where that is not what was asked for. */
  readonly absent?: string
  /** What an answer that cannot be read is. */
  readonly unreadable: 'InvalidManifest' | 'RegistryUnavailable'
}

/** A question and who asked it. */
export interface Subject extends Question {
  /** Whether a credential was shown. */
  readonly signedIn: boolean
  /** The token server that no credential was shown to, because it is not known to be the registry's. */
  readonly withheldFrom?: string | undefined
  /** Never to appear in a message. */
  readonly secrets: readonly string[]
}

/** The token server that a registry named could not be used; `cause` or `answer` says how. */
export class TokenServerError extends Error {
  override readonly name = 'TokenServerError'
  // private, for a logger writes out every field that it sees
  readonly #answer: EgressResponse | undefined

  constructor(message: string, { answer, cause }: { answer?: EgressResponse; cause?: unknown } = {}) {
    super(message, { cause })
    this.#answer = answer
  }

  get answer(): EgressResponse | undefined {
    return this.#answer
  }
}

/** The error for an answer that is not what was asked for. */
export function refusal(subject: Subject, answer: EgressResponse, speaker = 'it'): RegistryError {
  const { registry, repository, what, signedIn, withheldFrom } = subject
  const { status } = answer
  const words = said(answer, speaker, subject.secrets)
  const error = (reason: RegistryErrorReason, message: string) =>
    new RegistryError(`${message}: ${words}`, { reason, registry, repository, status })

  if (status === 401) {
    return error(
      'Unauthorized',
      signedIn
        ? `${registry}/${repository} does not exist, or the login for ${registry} does not open it`
        : `${registry}/${repository} does not exist or needs a login` +
            (withheldFrom ? `, and the login for ${registry} is not shown to ${withheldFrom}` : ''),
    )
  }
  if (status === 403) return error('Forbidden', `${registry} does not let this server read ${repository}`)
  if (status === 404) {
    return error('NotFound', `${registry} does not have ${subject.absent ?? `${what} of ${repository}`}`)
  }
  if (status === 429) return error('TooManyRequests', `${registry} takes no more requests for now`)
  return error('RegistryUnavailable', `${registry} did not give ${what} of ${repository}`)
}

/** The error for an answer that arrived and makes no sense; `why` is about "it". */
export const unreadable = (subject: Question, why: string, cause?: unknown): RegistryError =>
  new RegistryError(`${subject.registry} did not give ${subject.what} of ${subject.repository}: ${why}`, {
    reason: subject.unreadable,
    registry: subject.registry,
    repository: subject.repository,
    cause,
  })

/** The error for whatever kept an answer from arriving. */
export function failure(question: Question, cause: unknown, secrets: readonly string[]): RegistryError {
  if (cause instanceof RegistryError) return cause
  if (cause instanceof InvalidManifestError || cause instanceof BodyTooLargeError) {
    return unreadable(question, cause.message, cause)
  }
  const { registry, repository } = question
  const where = repository === '' ? registry : `${registry}/${repository}`
  const error = (reason: RegistryErrorReason, message: string) =>
    new RegistryError(message, { reason, registry, repository, cause })
  if (cause instanceof BudgetError) {
    return error('TooManyRequests', `${registry} was not asked about ${repository}: ${cause.message}`)
  }
  if (cause instanceof CredentialsError) {
    return error('InternalError', `${where} was not asked: ${cause.message}`)
  }
  if (cause instanceof CloudLoginError) {
    const { reason, status } = cause
    const message = `there is no login for ${where}: ${cause.message}`
    return new RegistryError(message, { reason, registry, repository, ...(status && { status }), cause })
  }
  if (cause instanceof TokenServerError) {
    if (cause.answer) {
      const { status } = cause.answer
      const reason = status === 429 ? 'TooManyRequests' : 'RegistryUnavailable'
      const message = `${where} names a token server that gives no token: it answered ${told(cause.answer, secrets)}`
      return new RegistryError(message, { reason, registry, repository, status, cause })
    }
    return unavailable(`${where} names a token server that does not work`, cause.cause ?? cause)
  }
  if (cause instanceof RedirectError) {
    return unavailable(`${where} redirects to where nothing can be had`, cause.cause ?? cause)
  }
  if (isEgressError(cause) || cause instanceof BlockedError)
    return unavailable(`${where} cannot be asked`, cause)
  return error('InternalError', `${where} was not asked: this server failed`)

  function unavailable(what: string, why: unknown): RegistryError {
    const reason =
      why instanceof ForbiddenTargetError
        ? 'ForbiddenTarget'
        : why instanceof BlockedError
          ? 'Blocked'
          : 'RegistryUnavailable'
    return error(reason, `${what}: ${why instanceof Error ? why.message : 'unknown'}`)
  }
}

/** `it answered 401 UNAUTHORIZED: …`, without the secrets. */
export const said = (answer: EgressResponse, speaker: string, secrets: readonly string[]): string =>
  `${speaker} answered ${told(answer, secrets)}`

const told = (answer: EgressResponse, secrets: readonly string[]): string =>
  [answer.status, upstreamText(answer, secrets)].filter(Boolean).join(' ')

const MAX_TEXT = 200
const MAX_ERROR_BODY = 64 * 1024

/** What the answer's body says, fit for a message: one short line, no secret in it. */
function upstreamText({ body, headers }: EgressResponse, secrets: readonly string[]): string {
  const text = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, MAX_ERROR_BODY)).toString()
  if (/^\s*</.test(text) || /html/i.test(String(headers['content-type'] ?? ''))) return 'with a web page'
  return redact(messageOf(text), secrets)
}

function messageOf(text: string): string {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return text
  }
  if (!isObject(json)) return ''
  const first: unknown = Array.isArray(json.errors) ? json.errors[0] : json
  if (!isObject(first)) return ''
  // AWS has the type apart, and Microsoft Entra ends with what is different each time
  return [
    first.code ?? first.error ?? first.__type,
    first.message ?? first.details ?? first.error_description,
  ]
    .filter((part) => typeof part === 'string' && part !== '')
    .join(': ')
    .replace(/\s*Trace ID: .*$/s, '')
}

/** As it is, and as it stands in a URL or a form. */
const spellingsOf = (secret: string): string[] => [
  secret,
  // half of a character would make it throw
  encodeURIComponent(Buffer.from(secret).toString()),
  new URLSearchParams([['', secret]]).toString().slice(1),
]

/** One line of at most 200 characters without control characters, URL logins, authorizations and these secrets. */
function redact(text: string, secrets: readonly string[]): string {
  let clean = text.slice(0, MAX_ERROR_BODY)
  for (const secret of secrets.filter(({ length }) => length > 3)) {
    for (const spelled of spellingsOf(secret)) clean = clean.replaceAll(spelled, '***')
  }
  clean = clean
    .replace(/\p{C}+/gu, ' ')
    .replace(/\/\/[^/\s@]*@/g, '//***@')
    .replace(/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/gi, '$1 ***')
    .replace(/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, '***')
    .replace(/\b(\w*(?:password|passwd|secret|token|assertion|signature|sig|api_?key))=[^\s&"']+/gi, '$1=***')
    // a request's number would make each failure look like a new one
    .replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, '…')
    .replace(/\s+/g, ' ')
    .trim()
  return clean.length > MAX_TEXT ? `${clean.slice(0, MAX_TEXT)}…` : clean
}
