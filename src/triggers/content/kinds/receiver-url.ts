import { invalid } from '../../../input/errors.ts'

const MAX_URL = 2_000

/** Returns a URL to which requests may be sent, and its host with the port. Throws InvalidInputError. */
export function checkUrl(text: string, field: string): { readonly url: string; readonly host: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || text.length > MAX_URL || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw invalid(field, `must be an http: or https: URL of at most ${MAX_URL} characters`)
  }
  if (url.username !== '' || url.password !== '') {
    throw invalid(
      field,
      'must have no user name or password: they would be shown to everyone who sees the trigger',
    )
  }
  return { url: url.href, host: url.host }
}
