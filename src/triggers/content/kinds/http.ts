import { invalid, quoted } from '../../../input/errors.ts'
import { hasControlCharacter } from '../../../oci/control-characters.ts'
import type { ActionContext, ActionKind, OutgoingRequest } from '../action-kind.ts'
import { cdEvent } from '../cd-event.ts'
import { binary, type EventContent, movedEvent, structured } from '../cloud-event.ts'
import { type MovedTag, PLACEHOLDERS, textsOf } from '../moved-tag.ts'
import { isSecret, newSecret, type SignatureKey, secretBytes, signatureHeaders } from '../signature.ts'
import { fill, parseTemplate, type Template } from '../template.ts'
import { checkUrl } from './receiver-url.ts'
import { explained, wordsOf } from './verdicts.ts'

/** How the body of a request is made. */
export const FORMATS = [
  'CLOUD_EVENT',
  'CLOUD_EVENT_BINARY',
  'CD_EVENT',
  'CD_EVENT_BINARY',
  'TEMPLATE',
] as const
/** How a request is signed: not, with a secret that the receiver has, or with the key pair of this server. */
export const SIGNATURES = ['NONE', 'SECRET', 'KEY_PAIR'] as const

/** Name under which the secret of the signature is stored; headers have lower-case names. */
export const SIGNING = 'SIGNING'

/** A request to any URL, without its secrets. */
export interface HttpSettings {
  readonly url: string
  readonly format: (typeof FORMATS)[number]
  /** Null unless the format is TEMPLATE. */
  readonly template: Template | null
  readonly signature: (typeof SIGNATURES)[number]
  /** Names of the headers in lower case; their values are secrets. */
  readonly headers: readonly string[]
}

/** A header with its value, which cannot be read again; null keeps the value that it has. */
interface HeaderInput {
  readonly name: string
  readonly value?: string | null | undefined
}

/** A request to any URL as given. */
export interface HttpInput extends Pick<HttpSettings, 'url' | 'format' | 'signature'> {
  /** JSON text with placeholders; needed for the format TEMPLATE, and only there. */
  readonly template?: string | null | undefined
  readonly headers?: readonly HeaderInput[] | null | undefined
  /** `whsec_…` for the signature SECRET; a new one is made if it is left out. */
  readonly secret?: string | null | undefined
}

const MAX = { template: 20_000, headers: 20, value: 4_000 }
/** Source: RFC 9110, 5.6.2. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]{1,100}$/
/** Headers that this server sets itself, or that govern the connection. */
const OWN_HEADERS =
  /^(?:host|content-.*|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|webhook-.*|ce-.*)$/

/** A signed request to any URL. */
export const HTTP: ActionKind<HttpInput, HttpSettings> = {
  check({ template, headers: given, secret, ...input }, field) {
    const { url, host } = checkUrl(input.url, `${field}.url`)
    const headers = checkHeaders(given ?? [], `${field}.headers`)
    if (secret != null && (input.signature !== 'SECRET' || !isSecret(secret))) {
      throw invalid(
        `${field}.secret`,
        'must be base64 of 24 to 64 bytes, with or without "whsec_", for the signature SECRET',
      )
    }
    checkSignature(input, field)
    const names = headers.map(({ name }) => name.toLowerCase())
    const values = headers.flatMap(({ name, value }) => (value == null ? [] : [[name.toLowerCase(), value]]))
    return {
      settings: { ...input, url, template: checkTemplate(template, input, field), headers: names },
      host,
      secrets: { ...Object.fromEntries(values), ...(secret != null && { [SIGNING]: secret }) },
      neededSecrets: input.signature === 'SECRET' ? [...names, SIGNING] : names,
    }
  },

  request(settings, move, context): OutgoingRequest {
    const { headers, body } = contentOf(settings, move, context)
    const own = Object.fromEntries(settings.headers.map((name) => [name, context.secret(name)]))
    const signed = signatureHeaders({ ...context, body }, keysOf(settings, context))
    return { method: 'POST', url: settings.url, headers: { ...headers, ...own, ...signed }, body }
  },

  judge: (response, _settings, failure) =>
    failure ? { failure: explained(failure, wordsOf(response), undefined) } : {},
}

/** Returns secrets that the server makes where an action needs one that was not given. */
export const madeSecret = (name: string): string | undefined => (name === SIGNING ? newSecret() : undefined)

function contentOf({ format, template }: HttpSettings, move: MovedTag, context: ActionContext): EventContent {
  switch (format) {
    case 'CLOUD_EVENT':
      return structured(movedEvent(move, context))
    case 'CLOUD_EVENT_BINARY':
      return binary(movedEvent(move, context))
    case 'CD_EVENT':
      return structured(cdEvent(move, context))
    case 'CD_EVENT_BINARY':
      return binary(cdEvent(move, context))
    case 'TEMPLATE':
      return { headers: { 'content-type': 'application/json' }, body: fill(template, textsOf(move)) }
  }
}

function keysOf(
  settings: HttpSettings,
  { signingSecrets, keyPairs }: ActionContext,
): readonly SignatureKey[] {
  checkSignature(settings, 'action')
  if (settings.signature === 'KEY_PAIR') return keyPairs
  if (settings.signature === 'NONE') return []
  return signingSecrets.map((text) => ({ kind: 'SECRET', secret: secretBytes(text) }))
}

/** Refuses the signature of this server under the words of one namespace: a receiver could take them for an event of another. */
function checkSignature(
  { format, signature }: Pick<HttpSettings, 'format' | 'signature'>,
  field: string,
): void {
  if (format === 'TEMPLATE' && signature === 'KEY_PAIR') {
    throw invalid(
      `${field}.signature`,
      'must be SECRET or NONE for the format TEMPLATE: the key pair of this server signs events that this server has made',
    )
  }
}

function checkTemplate(
  template: string | null | undefined,
  { format }: Pick<HttpInput, 'format'>,
  field: string,
): Template | null {
  const needsTemplate = format === 'TEMPLATE'
  if ((template == null) === needsTemplate) {
    throw invalid(`${field}.template`, 'is needed for the format TEMPLATE, and only there')
  }
  if (template == null) return null
  if (template.length > MAX.template) {
    throw invalid(`${field}.template`, `must have at most ${MAX.template} characters`)
  }
  return parseTemplate(template, PLACEHOLDERS, `${field}.template`)
}

function checkHeaders(headers: readonly HeaderInput[], field: string): readonly HeaderInput[] {
  if (headers.length > MAX.headers) throw invalid(field, `must be at most ${MAX.headers}`)
  const names = headers.map(({ name, value }, at) => {
    const lower = name.toLowerCase()
    if (!HEADER_NAME.test(name) || OWN_HEADERS.test(lower)) {
      throw invalid(`${field}.${at}.name`, `is ${quoted(name)}: it is no header that a trigger may set`)
    }
    if (value != null && (value.length > MAX.value || hasControlCharacter(value))) {
      throw invalid(
        `${field}.${at}.value`,
        `must have at most ${MAX.value} characters, none of them control characters`,
      )
    }
    return lower
  })
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw invalid(field, `has ${quoted(twice)} twice`)
  return headers
}
