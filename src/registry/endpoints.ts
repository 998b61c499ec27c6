import type { RegistryAction } from './protocol/access.ts'
import { type RegistryExchange, respondJson } from './protocol/exchange.ts'
import type { RepositoryName } from './protocol/repository-name.ts'
import type { RouteKind } from './protocol/router.ts'
import { createBlobRoutes } from './routes/blobs.ts'
import { createCatalogList } from './routes/catalog.ts'
import type { RouteDependencies } from './routes/dependencies.ts'
import { createManifestDelete } from './routes/manifest-delete.ts'
import { createManifestGet } from './routes/manifest-get.ts'
import { createManifestPut } from './routes/manifest-put.ts'
import { createReferrerList } from './routes/referrers.ts'
import { createTagList } from './routes/tags.ts'
import { createUploadRoutes } from './routes/uploads.ts'

/** Header by which older clients recognise a registry, in the response to `/v2/` and in error responses. */
export const API_VERSION = { 'Docker-Distribution-API-Version': 'registry/2.0' } as const

/** A request to a route of the registry itself; routes of a repository get a `RepositoryCall`. */
export interface RegistryCall extends Omit<RegistryExchange, 'repository'> {
  readonly reference: string
  /** Reports whether the caller may pull from another repository. */
  readonly mayPull: (name: RepositoryName) => boolean
}

export type RepositoryCall = RegistryCall & RegistryExchange

/** The operation of one method of a route. */
export interface RegistryOperation<Call> {
  /** The action that the caller must be allowed; null for none. */
  readonly action: RegistryAction | null
  /** True if the operation reads the request's body. */
  readonly takesBody?: true
  run(call: Call): void | Promise<void>
}

/** Operations of a route by method; HEAD uses GET's. */
export type RegistryOperations<Call> = Readonly<Record<string, RegistryOperation<Call>>>

type OwnRoute = 'version' | 'catalog'
export type RegistryEndpoints = Readonly<Record<OwnRoute, RegistryOperations<RegistryCall>>> &
  Readonly<Record<Exclude<RouteKind, OwnRoute>, RegistryOperations<RepositoryCall>>>

/** Returns every operation of the registry, with the action that each requires. */
export function createEndpoints(dependencies: RouteDependencies): RegistryEndpoints {
  const getManifest = createManifestGet(dependencies)
  const putManifest = createManifestPut(dependencies)
  const deleteManifest = createManifestDelete(dependencies)
  const listTags = createTagList(dependencies)
  const listReferrers = createReferrerList(dependencies)
  const listCatalog = createCatalogList(dependencies)
  const blobs = createBlobRoutes(dependencies)
  const uploads = createUploadRoutes(dependencies)
  return {
    version: { GET: { action: null, run: (call) => respondJson(call, 200, {}, API_VERSION) } },
    catalog: { GET: { action: 'list', run: (call) => listCatalog(call, call.mayPull) } },
    manifest: {
      GET: { action: 'pull', run: (call) => getManifest(call, call.reference) },
      PUT: { action: 'push', takesBody: true, run: (call) => putManifest(call, call.reference) },
      DELETE: { action: 'delete', run: (call) => deleteManifest(call, call.reference) },
    },
    tags: { GET: { action: 'pull', run: (call) => listTags(call) } },
    referrers: { GET: { action: 'pull', run: (call) => listReferrers(call, call.reference) } },
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
