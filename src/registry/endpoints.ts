import { respondJson } from '../request-body/respond.ts'
import { type Handler, JSON_TYPE, type RegistryCall, type RegistryExchange } from './protocol/exchange.ts'
import type { RouteKind } from './protocol/router.ts'
import { createBlobDelete, createBlobGet } from './routes/blobs.ts'
import { createCatalogList } from './routes/catalog.ts'
import type { RegistryAction, RouteDependencies } from './routes/dependencies.ts'
import { createManifestDelete } from './routes/manifest-delete.ts'
import { createManifestGet } from './routes/manifest-get.ts'
import { createManifestPut } from './routes/manifest-put.ts'
import { createReferrerList } from './routes/referrers.ts'
import { createTagList } from './routes/tags.ts'
import { createUploadRoutes } from './routes/uploads.ts'

/** Header by which older clients recognise a registry, in the response to `/v2/` and in error responses. */
export const API_VERSION = { 'Docker-Distribution-API-Version': 'registry/2.0' } as const

/** The operation of one method of a route. */
export interface RegistryOperation<Call extends RegistryCall> {
  /** The action that the caller must be allowed; null for none. */
  readonly action: RegistryAction | null
  /** True if the operation reads the request's body. */
  readonly takesBody?: true
  readonly run: Handler<Call>
}

/** Operations of a route by method; HEAD uses GET's. */
export type RegistryOperations<Call extends RegistryCall> = Readonly<Record<string, RegistryOperation<Call>>>

type OwnRoute = 'version' | 'catalog'
/** Operations of each route; those of the registry itself have no repository. */
export type RegistryEndpoints = Readonly<Record<OwnRoute, RegistryOperations<RegistryCall>>> &
  Readonly<Record<Exclude<RouteKind, OwnRoute>, RegistryOperations<RegistryExchange>>>

/** Returns every operation of the registry, with the action that each requires. */
export function createEndpoints(dependencies: RouteDependencies): RegistryEndpoints {
  const uploads = createUploadRoutes(dependencies)
  const respondVersion: Handler<RegistryCall> = ({ response }) =>
    respondJson(response, 200, {}, { ...JSON_TYPE, ...API_VERSION })
  return {
    version: { GET: { action: null, run: respondVersion } },
    catalog: { GET: { action: 'list', run: createCatalogList(dependencies) } },
    manifest: {
      GET: { action: 'pull', run: createManifestGet(dependencies) },
      PUT: { action: 'push', takesBody: true, run: createManifestPut(dependencies) },
      DELETE: { action: 'delete', run: createManifestDelete(dependencies) },
    },
    tags: { GET: { action: 'pull', run: createTagList(dependencies) } },
    referrers: { GET: { action: 'pull', run: createReferrerList(dependencies) } },
    blob: {
      GET: { action: 'pull', run: createBlobGet(dependencies) },
      DELETE: { action: 'delete', run: createBlobDelete(dependencies) },
    },
    uploads: { POST: { action: 'push', takesBody: true, run: uploads.start } },
    upload: {
      GET: { action: 'push', run: uploads.status },
      PATCH: { action: 'push', takesBody: true, run: uploads.append },
      PUT: { action: 'push', takesBody: true, run: uploads.finish },
      DELETE: { action: 'push', run: uploads.cancel },
    },
  }
}
