import type { ResponsePath } from 'graphql'

/** Returns a path as errors have it. */
export function keysOf(path: ResponsePath): (string | number)[] {
  const keys: (string | number)[] = []
  for (let at: ResponsePath | undefined = path; at; at = at.prev) keys.unshift(at.key)
  return keys
}
