/** Most characters of a path to which a browser returns. */
const MAX_PATH = 2000
/** A base that no request reaches. */
const BASE = 'http://own.invalid'

/**
 * Returns a path of this server, with its query, to which a browser is sent after a sign-in: `/` for any other text. It never leads
 * to another server, in no notation that a browser reads as one: `//host`, `/\host`, `/%0a//host`.
 */
export function ownPath(text: string | null | undefined): string {
  if (text == null || text.length > MAX_PATH || !text.startsWith('/') || !URL.canParse(text, BASE)) return '/'
  const url = new URL(text, BASE)
  const path = url.pathname + url.search
  // a path with two slashes at its start would be the name of a host again
  return url.origin === BASE && !/^[/\\]{2}/.test(path) ? path : '/'
}
