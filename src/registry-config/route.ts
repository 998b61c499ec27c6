import { createHash } from 'node:crypto'
import type { Route } from '../egress/route.ts'

/** Connection settings of one configuration. */
export interface ConnectionSettings extends Pick<Route, 'client' | 'proxy'> {
  /** PEM. */
  readonly ca: string | null
}

/** Returns the route of the settings; undefined when all are null. */
export function routeOf({ ca, client, proxy }: ConnectionSettings): Route | undefined {
  if (ca === null && client === null && proxy === null) return undefined
  const id = createHash('sha256')
    .update(JSON.stringify([ca, client, proxy]))
    .digest('base64url')
  return { id, ca: ca === null ? [] : [ca], client, proxy }
}
