/** Parts of one host that are remembered, each with its circuit breaker: one that fails does not stop the others. */
export const MAX_PARTS = 1000

const OF_REPOSITORY = /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//

/** Returns the part of a host that a URL concerns: a repository, the tokens for one scope, or another path. */
export function partOf(url: URL): string {
  const repository = OF_REPOSITORY.exec(url.pathname)?.[1]
  return repository ?? [url.pathname, ...url.searchParams.getAll('scope')].join(' ')
}
