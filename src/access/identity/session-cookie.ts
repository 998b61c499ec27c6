/** How the session of a browser is kept. */
export interface SessionCookie {
  /** With `__Host-` a page of another name of the same domain cannot set it. */
  readonly name: string
  readonly isSecure: boolean
}

/**
 * Returns the cookie of a server. `__Host-` needs HTTPS; only a server that is reached by plain HTTP on its own machine does
 * without.
 */
export const sessionCookie = ({ isSecure }: Pick<SessionCookie, 'isSecure'>): SessionCookie => ({
  name: `${isSecure ? '__Host-' : ''}imagestreams`,
  isSecure,
})

/** Returns the cookie for a browser that may have used TLS: then it is `Secure`, also where the settings name no `https`. */
export const cookieOver = (isOverTls: boolean, cookie: SessionCookie): SessionCookie =>
  isOverTls ? { ...cookie, isSecure: true } : cookie

/** Returns the session's secret in a `Cookie` header; undefined without one. */
export function secretInCookies({ name }: SessionCookie, cookies: string | undefined): string | undefined {
  const start = `${name}=`
  return cookies
    ?.split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(start))
    ?.slice(start.length)
}

/** Returns the `Set-Cookie` header of a session; without a session the one that removes it. `Lax`: a link to a page works. */
export function setCookie(
  { name, isSecure }: SessionCookie,
  session?: { readonly secret: string; readonly maxAge: number },
): string {
  const { secret, maxAge } = session ?? { secret: '', maxAge: 0 }
  const attributes = [
    `Max-Age=${maxAge}`,
    'Path=/',
    'HttpOnly',
    'SameSite=Lax',
    ...(isSecure ? ['Secure'] : []),
  ]
  return [`${name}=${secret}`, ...attributes].join('; ')
}
