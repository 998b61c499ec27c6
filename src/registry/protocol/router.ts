/** The endpoints of the registry. */
export type RouteKind =
  | 'version'
  | 'catalog'
  | 'blob'
  | 'uploads'
  | 'upload'
  | 'manifest'
  | 'tags'
  | 'referrers'

/** A parsed path. Names and references are as the client wrote them; handlers validate them. */
export interface RegistryRoute {
  readonly kind: RouteKind
  /** Name of the repository; empty for a route of the registry itself. */
  readonly name: string
  /** Last part of the path: a digest, a tag or an upload's id. */
  readonly reference: string
}

const ROOT = '/v2/'
const BLOBS = '/blobs'
const UPLOADS = '/blobs/uploads/'

/** A decoded path segment: only characters of names, tags and digests, and never `.` or `..`. */
const PLAIN = /^(?!\.+$)[\w.:+=-]*$/

/**
 * Parses a request's path from its end, because a repository can be named `blobs/uploads` or `tags/list`. Undefined
 * for an unknown path. Source: OCI distribution-spec, endpoints.
 */
export function parseRoute(path: string): RegistryRoute | undefined {
  if (path.includes('%')) {
    const decoded = decode(path)
    return decoded === undefined ? undefined : parseRoute(decoded)
  }
  if (path === ROOT || path === '/v2') return { kind: 'version', name: '', reference: '' }
  if (path === '/v2/_catalog') return { kind: 'catalog', name: '', reference: '' }
  // the specification's path ends with a slash, and some clients omit it
  return path.startsWith(ROOT)
    ? parseRepositoryRoute(path.endsWith(UPLOADS) ? path.slice(0, -1) : path)
    : undefined
}

function parseRepositoryRoute(path: string): RegistryRoute | undefined {
  const last = path.lastIndexOf('/')
  const before = path.lastIndexOf('/', last - 1)
  const reference = path.slice(last + 1)
  const route = (kind: RouteKind, end = before): RegistryRoute | undefined =>
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

/** Decodes each segment once. Undefined when a decoded segment has a slash, a NUL or another escape. */
function decode(path: string): string | undefined {
  try {
    const parts = path.split('/').map(decodeURIComponent)
    return parts.every((part) => PLAIN.test(part)) ? parts.join('/') : undefined
  } catch {
    return undefined
  }
}
