import { parseRoute, type RouteKind } from '../registry/protocol/router.ts'
import type { Routes } from './routes.ts'

/** Patterns of the paths of the registry. */
const REGISTRY_PATTERNS: Readonly<Record<RouteKind, string>> = {
  version: '/v2/',
  catalog: '/v2/_catalog',
  blob: '/v2/{name}/blobs/{digest}',
  uploads: '/v2/{name}/blobs/uploads/',
  upload: '/v2/{name}/blobs/uploads/{id}',
  manifest: '/v2/{name}/manifests/{reference}',
  tags: '/v2/{name}/tags/list',
  referrers: '/v2/{name}/referrers/{digest}',
}

/** Returns the pattern of a path, of which there are few; undefined for an unknown one. */
export function patternOf({ at, below }: Routes, path: string): string | undefined {
  if (at.has(path)) return path
  for (const folder of below.keys()) {
    if (path !== folder && !path.startsWith(`${folder}/`)) continue
    if (folder !== '/v2') return `${folder}/{file}`
    const kind = parseRoute(path)?.kind
    return kind && REGISTRY_PATTERNS[kind]
  }
  return undefined
}
