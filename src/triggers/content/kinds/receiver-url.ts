import { invalid } from '../../../input/errors.ts'

const MAX_URL = 2_000

/** Returns a URL to which requests may be sent, and its host with the port. Throws InvalidInputError. */
export function checkUrl(text: string, field: string): { readonly url: string; readonly host: string } {
  const { href, host } = parseUrl(text, field)
  return { url: href, host }
}

/**
 * Returns the URL of a server below which its API is, without a slash at its end, and its host with the port. Throws
 * InvalidInputError.
 */
export function checkBaseUrl(text: string, field: string): { readonly url: string; readonly host: string } {
  const { origin, pathname, search, hash, host } = parseUrl(text, field)
  if (search !== '' || hash !== '') throw invalid(field, 'must have no "?" and no "#"')
  return { url: origin + pathname.replace(/\/+$/, ''), host }
}

/** A URL that is a secret: every client that knows it may send to it. */
interface SecretUrl {
  /** `https://hooks.example.org`: the part that is none. */
  readonly origin: string
  readonly host: string
  /** What follows the origin. */
  readonly secret: string
}

/** Returns the parts of a URL that is a secret. Messages do not repeat it. Throws InvalidInputError. */
export function checkSecretUrl(text: string, field: string): SecretUrl {
  const { origin, host, pathname, search } = parseUrl(text, field)
  if (pathname.length < 2) throw invalid(field, 'must be the whole URL: it has no path')
  return { origin, host, secret: pathname + search }
}

function parseUrl(text: string, field: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || text.length > MAX_URL || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw invalid(field, `must be an http: or https: URL of at most ${MAX_URL} characters`)
  }
  if (/\{\{|\}\}/.test(text)) {
    throw invalid(field, 'must have no placeholders: the same URL gets the requests for all tags')
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid(
      field,
      'must have no user name or password: they would be shown to everyone who sees the trigger',
    )
  }
  return url
}
