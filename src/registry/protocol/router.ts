export type RouteKind =
  | 'version'
  | 'catalog'
  | 'blob'
  | 'uploads'
  | 'upload'
  | 'manifest'
  | 'tags'
  | 'referrers'

/** What a path means. Names and references are as the client wrote them: handlers check them. */
export interface Route {
  readonly kind: RouteKind
  /** The repository; empty where the route is none's. */
  readonly name: string
  /** The last part: a digest, a tag, an upload's id. */
  readonly reference: string
}

const ROOT = '/v2/'
const BLOBS = '/blobs'
const UPLOADS = '/blobs/uploads/'

/** What may stand percent-encoded: the characters of names, tags and digests, and no way out of a folder. */
const PLAIN = /^(?!\.+$)[\w.:+=-]*$/

/**
 * Finds the route of a request's path, from its end: a repository may be called `blobs/uploads` or `tags/list`.
 * Undefined when there is none. Source: OCI distribution-spec, endpoints.
 */
export function parseRoute(path: string): Route | undefined {
  if (path.includes('%')) {
    const decoded = decode(path)
    return decoded === undefined ? undefined : parseRoute(decoded)
  }
  if (path === ROOT || path === '/v2') return { kind: 'version', name: '', reference: '' }
  if (path === '/v2/_catalog') return { kind: 'catalog', name: '', reference: '' }
  // the slash at the end is the specification's, but not every client's
  return path.startsWith(ROOT)
    ? parseRepositoryRoute(path.endsWith(UPLOADS) ? path.slice(0, -1) : path)
    : undefined
}

function parseRepositoryRoute(path: string): Route | undefined {
  const last = path.lastIndexOf('/')
  const before = path.lastIndexOf('/', last - 1)
  const reference = path.slice(last + 1)
  const route = (kind: RouteKind, end = before): Route | undefined =>
    end > ROOT.length && reference !== ''
      ? { kind, name: path.slice(ROOT.length, end), reference }
      : undefined
  switch (path.slice(before + 1, last)) {
    case 'manifests':
      return route('manifest')
    case 'blobs':
      return route(reference === 'uploads' ? 'uploads' : 'blob')
    case 'uploads':
      return path.endsWith(BLOBS, before) ? route('upload', before - BLOBS.length) : undefined
    case 'referrers':
      return route('referrers')
    case 'tags':
      return reference === 'list' ? route('tags') : undefined
    default:
      return undefined
  }
}

/** Each part by itself, once: what is a slash, a NUL or another escape after that is no part of any route. */
function decode(path: string): string | undefined {
  try {
    const parts = path.split('/').map(decodeURIComponent)
    return parts.every((part) => PLAIN.test(part)) ? parts.join('/') : undefined
  } catch {
    return undefined
  }
}
