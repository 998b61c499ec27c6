import { respondJson } from '../request-body/respond.ts'
import { type Handler, JSON_TYPE, type RegistryCall, type RegistryExchange } from './protocol/exchange.ts'
import type { RouteKind } from './protocol/router.ts'
import { createBlobDelete, createBlobGet } from './routes/blobs.ts'
import { createCatalogList } from './routes/catalog.ts'
import type { RouteDependencies } from './routes/dependencies.ts'
import { createManifestDelete } from './routes/manifest-delete.ts'
import { createManifestGet } from './routes/manifest-get.ts'
import { createManifestPut } from './routes/manifest-put.ts'
import { createReferrerList } from './routes/referrers.ts'
import { createTagList } from './routes/tags.ts'
import { createUploadRoutes } from './routes/uploads.ts'
import type { RepositoryAction } from './sign-in/scope.ts'

/** Header by which older clients recognise a registry, in the response to `/v2/` and in error responses. */
export const API_VERSION = { 'Docker-Distribution-API-Version': 'registry/2.0' } as const

/** The operation of one method of a route. */
export interface RegistryOperation<Call extends RegistryCall> {
  /** The right that it requires in the repository; null for an operation of the registry itself. */
  readonly right: Call extends RegistryExchange ? RepositoryAction : null
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

/** Returns every operation of the registry, with the right that each requires. */
export function createEndpoints(dependencies: RouteDependencies): RegistryEndpoints {
  const uploads = createUploadRoutes(dependencies)
  const respondVersion: Handler<RegistryCall> = ({ response }) =>
    respondJson(response, 200, {}, { ...JSON_TYPE, ...API_VERSION })
  return {
    version: { GET: { right: null, run: respondVersion } },
    catalog: { GET: { right: null, run: createCatalogList(dependencies) } },
    manifest: {
      GET: { right: 'pull', run: createManifestGet(dependencies) },
      PUT: { right: 'push', takesBody: true, run: createManifestPut(dependencies) },
      DELETE: { right: 'delete', run: createManifestDelete(dependencies) },
    },
    tags: { GET: { right: 'pull', run: createTagList(dependencies) } },
    referrers: { GET: { right: 'pull', run: createReferrerList(dependencies) } },
    blob: {
      GET: { right: 'pull', run: createBlobGet(dependencies) },
      DELETE: { right: 'delete', run: createBlobDelete(dependencies) },
    },
    uploads: { POST: { right: 'push', takesBody: true, run: uploads.start } },
    upload: {
      GET: { right: 'push', run: uploads.status },
      PATCH: { right: 'push', takesBody: true, run: uploads.append },
      PUT: { right: 'push', takesBody: true, run: uploads.finish },
      DELETE: { right: 'push', run: uploads.cancel },
    },
  }
}
