import type { Content } from './content/content.ts'
import type { RegistryAction } from './protocol/access.ts'
import { answerJson, type Exchange } from './protocol/exchange.ts'
import type { RepositoryName } from './protocol/repository-name.ts'
import type { RouteKind } from './protocol/router.ts'
import type { RegistryDependencies } from './registry.ts'
import { createBlobs } from './routes/blobs.ts'
import { createCatalog } from './routes/catalog.ts'
import { createManifests } from './routes/manifests.ts'
import { createMount } from './routes/mount.ts'
import { createReferrers } from './routes/referrers.ts'
import { createTags } from './routes/tags.ts'
import { createUploads } from './routes/uploads.ts'

/** By what clients of old tell a registry; they look for it where they begin, and where they are refused. */
export const API_VERSION = { 'Docker-Distribution-API-Version': 'registry/2.0' } as const

/** A request as every operation gets it; what belongs to no repository gets no more. */
export interface Call extends Omit<Exchange, 'repository'> {
  readonly reference: string
  /** What else the caller may pull. */
  readonly mayPull: (name: RepositoryName) => boolean
}

/** What one method of a route does. */
export interface Operation<Given = Call & Exchange> {
  /** What the caller must be allowed; null for what everybody may. */
  readonly action: RegistryAction | null
  /** Whether it reads the request's body. */
  readonly takesBody?: true
  run(call: Given): void | Promise<void>
}

/** A route's operations by method; HEAD is GET's. */
export type Methods<Given = Call & Exchange> = Readonly<Record<string, Operation<Given>>>

type RegistryRoute = 'version' | 'catalog'
export type Endpoints = Readonly<Record<RegistryRoute, Methods<Call>>> &
  Readonly<Record<Exclude<RouteKind, RegistryRoute>, Methods>>

/** Everything that the registry can be asked, and what one must be allowed for it. */
export function createEndpoints(
  dependencies: RegistryDependencies & { readonly content: Content },
): Endpoints {
  const { pullThrough } = dependencies
  const manifests = createManifests(dependencies)
  const tags = createTags(dependencies)
  const referrers = createReferrers(dependencies)
  const catalog = createCatalog(dependencies)
  const blobs = createBlobs({ ...dependencies, pullThrough })
  const uploads = createUploads({ ...dependencies, mount: createMount(dependencies) })
  return {
    version: { GET: { action: null, run: (call) => answerJson(call, 200, {}, API_VERSION) } },
    catalog: { GET: { action: 'list', run: (call) => catalog.list(call, call.mayPull) } },
    manifest: {
      GET: { action: 'pull', run: (call) => manifests.get(call, call.reference) },
      PUT: { action: 'push', takesBody: true, run: (call) => manifests.put(call, call.reference) },
      DELETE: { action: 'delete', run: (call) => manifests.delete(call, call.reference) },
    },
    tags: { GET: { action: 'pull', run: (call) => tags.list(call) } },
    referrers: { GET: { action: 'pull', run: (call) => referrers.list(call, call.reference) } },
    blob: {
      GET: { action: 'pull', run: (call) => blobs.get(call, call.reference) },
      DELETE: { action: 'delete', run: (call) => blobs.delete(call, call.reference) },
    },
    uploads: {
      POST: { action: 'push', takesBody: true, run: (call) => uploads.start(call, call.mayPull) },
    },
    upload: {
      GET: { action: 'push', run: (call) => uploads.status(call, call.reference) },
      PATCH: { action: 'push', takesBody: true, run: (call) => uploads.append(call, call.reference) },
      PUT: { action: 'push', takesBody: true, run: (call) => uploads.finish(call, call.reference) },
      DELETE: { action: 'push', run: (call) => uploads.cancel(call, call.reference) },
    },
  }
}
