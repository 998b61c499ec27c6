import { createHash } from 'node:crypto'

/** How connections are made that are not made as all others. */
export interface Route {
  /** Changes with everything below; tells nothing of it. */
  readonly id: string
  /** PEM. */
  readonly ca: readonly string[]
  readonly client: { readonly certificate: string; readonly key: string } | null
  readonly proxy: { readonly url: string; readonly authorization: string | null } | null
}

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
