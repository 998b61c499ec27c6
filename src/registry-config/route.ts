import { createHash } from 'node:crypto'
import type { Route } from '../egress/route.ts'

export interface ConnectionSetting extends Pick<Route, 'client' | 'proxy'> {
  /** PEM. */
  readonly ca: string | null
}

/** Undefined where nothing is different. */
export function routeOf({ ca, client, proxy }: ConnectionSetting): Route | undefined {
  if (ca === null && client === null && proxy === null) return undefined
  const id = createHash('sha256')
    .update(JSON.stringify([ca, client, proxy]))
    .digest('base64url')
  return { id, ca: ca === null ? [] : [ca], client, proxy }
}
