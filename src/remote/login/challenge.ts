/** One challenge of a `WWW-Authenticate` header. */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=\s*(?:,|$))/y
const PARAMETER = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/y
const SEPARATORS = /[\s,]*/y
const SPACES = /[ \t]+/y

/**
 * Parses all challenges of `WWW-Authenticate`, in the server's order: of one or several headers, with parameters, with a
 * token68, or with neither. A syntax error ends its header; the challenges before it are returned.
 * Source: RFC 7235 §4.1 and appendix C.
 */
export function parseChallenges(header: string | readonly string[] | undefined): readonly Challenge[] {
  const headers = typeof header === 'string' ? [header] : (header ?? [])
  return headers.flatMap(parseHeader)
}

function parseHeader(header: string): Challenge[] {
  const challenges: Challenge[] = []
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const match = pattern.exec(header)
    if (match) at = pattern.lastIndex
    return match
  }

  take(SEPARATORS)
  while (at < header.length) {
    const scheme = take(TOKEN)?.[0].toLowerCase()
    if (scheme === undefined) break
    const parameters = new Map<string, string>()
    challenges.push({ scheme, parameters })
    if (!take(SPACES)) {
      take(SEPARATORS)
      continue
    }
    for (;;) {
      const parameter = take(PARAMETER)
      if (!parameter) {
        // `Negotiate <token68>`: neither a parameter nor the next scheme
        if (parameters.size === 0) take(TOKEN68)
        take(SEPARATORS)
        break
      }
      const [, name = '', quoted, plain = ''] = parameter
      const key = name.toLowerCase()
      // the first value counts: appended text cannot replace a realm
      if (!parameters.has(key)) parameters.set(key, quoted?.replace(/\\(.)/g, '$1') ?? plain)
      take(SEPARATORS)
    }
  }
  return challenges
}

/** How requests to a registry must be authorized: by a token of a token server, or by username and password. */
export type AuthRequirement =
  | {
      readonly scheme: 'bearer'
      readonly realm: URL
      readonly service: string
      readonly scopes: readonly string[]
    }
  | { readonly scheme: 'basic' }

/**
 * Returns the requirement of a 401's challenges: Bearer when its realm is a URL (Artifactory may send plain text), else Basic,
 * else undefined.
 */
export function requirementOf(challenges: readonly Challenge[]): AuthRequirement | undefined {
  for (const { scheme, parameters } of challenges) {
    const realm = scheme === 'bearer' ? webUrl(parameters.get('realm') ?? '') : undefined
    if (!realm) continue
    const scopes = (parameters.get('scope') ?? '').split(/\s+/).filter(Boolean)
    return { scheme: 'bearer', realm, service: parameters.get('service') ?? '', scopes }
  }
  return challenges.some(({ scheme }) => scheme === 'basic') ? { scheme: 'basic' } : undefined
}

/** Reports whether two requirements are met by the same authorization, apart from the scopes of a token. */
export function isSameRequirement(one: AuthRequirement, other: AuthRequirement): boolean {
  if (one.scheme === 'basic' || other.scheme === 'basic') return one.scheme === other.scheme
  return one.realm.href === other.realm.href && one.service === other.service
}

const webUrl = (text: string): URL | undefined => {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  return url.protocol === 'https:' || url.protocol === 'http:' ? url : undefined
}
