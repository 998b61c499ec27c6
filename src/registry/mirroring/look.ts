import { RegistryError } from '../../oci/registry-error.ts'

/**
 * Returns what the destination shows; undefined where it refuses to show it, as Harbor does for images that it holds back, and any
 * registry for a credential that may only push: the push itself finds out.
 */
export const look = <Shown>(request: Promise<Shown>): Promise<Shown | undefined> =>
  request.catch((error: unknown) => {
    if (error instanceof RegistryError && HIDDEN.has(error.status ?? 0)) return undefined
    throw error
  })

/** Statuses by which registries refuse to show what can be pushed. */
const HIDDEN: ReadonlySet<number> = new Set([400, 403, 405, 412, 451])
