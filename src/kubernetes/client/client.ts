import { SharedCache } from '../../concurrency/cache.ts'
import type { Egress, EgressRequest } from '../../egress/egress.ts'
import { EgressError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import { isObject, type Json, parseJson, textOf } from '../../oci/json.ts'
import { authorizationOf, type ClusterAuthorization, type ClusterConnection, routeOf } from './connection.ts'
import { errorOfStatus, KubernetesError, unreadable } from './errors.ts'
import type { KubernetesClient, PatchType } from './kubernetes-client.ts'
import { listPages } from './list.ts'
import { asKubernetesObject, type KubernetesObject } from './object.ts'
import { type ApiResource, readResources } from './resources.ts'
import { readEvents } from './watch-stream.ts'

/** Name under which this server owns the fields that it sets; `managedFields` of objects contain it. */
export const FIELD_MANAGER = 'imagestreams'

const PATCH_TYPES: Readonly<Record<PatchType, string>> = {
  strategic: 'application/strategic-merge-patch+json',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
}

/** What a client uses of this server. */
interface ClientDependencies {
  readonly request: Egress['request']
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Bytes of one object: etcd stores none that is larger. */
const MAX_OBJECT = 4 * 1024 * 1024
/** Bytes of one page of a list. */
const MAX_PAGE = 16 * 1024 * 1024
/** Bytes of one watch, which the caller reads as they come. */
const MAX_WATCH = 1024 * 1024 * 1024
/** Milliseconds for one request. */
const TIMEOUT = 30_000
/** Seconds after which the server ends a watch. */
const WATCH_SECONDS = 300
/** Milliseconds without an event: servers send a bookmark about once a minute. */
const WATCH_IDLE = 120_000
/** Milliseconds. */
const RESOURCES_ARE_FRESH_FOR = 300_000
const MAX_API_VERSIONS = 100

const METADATA_ONLY = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'

interface Call extends Pick<EgressRequest, 'method' | 'stream'> {
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly accept?: string
  readonly contentType?: string
  readonly body?: object
  readonly maxBytes?: number
  readonly signal: AbortSignal
}

/** Creates the client of a cluster. */
export function createKubernetesClient(
  connection: ClusterConnection,
  { request, now }: ClientDependencies,
): KubernetesClient {
  const route = routeOf(connection)
  const known = new SharedCache<readonly ApiResource[]>(MAX_API_VERSIONS)

  const send = async (call: Call): Promise<EgressResponse> => {
    const { path, query, accept = 'application/json', contentType = 'application/json' } = call
    const { method = 'GET', body, maxBytes = MAX_OBJECT, stream, signal } = call
    const authorization = await authorizationOf(connection.credential)
    const search = query ? `?${new URLSearchParams(query)}` : ''
    try {
      const response = await request(`${connection.server}${path}${search}`, {
        method,
        headers: {
          accept,
          ...(authorization.header !== null && { authorization: authorization.header }),
          ...(body && { 'content-type': contentType }),
        },
        ...(body && { body: JSON.stringify(body) }),
        insecure: connection.insecure,
        route,
        signal,
        maxBytes,
        timeout: TIMEOUT,
        ...(stream && { stream }),
      })
      if (response.status < 200 || response.status > 299) throw refusalOf(response, authorization)
      return response
    } catch (error) {
      throw error instanceof EgressError ? unreachable(error) : error
    }
  }

  const json = async (call: Call): Promise<Json> => {
    const body = parseJson((await send(call)).body)
    if (!isObject(body)) throw unreadable('it is not a JSON object')
    return body
  }

  const object = async (call: Call): Promise<KubernetesObject> => {
    const parsed = asKubernetesObject(await json(call))
    if (!parsed) throw unreadable('it is not an object with valid metadata')
    return parsed
  }

  const loadResources = async (apiVersion: string, signal: AbortSignal): Promise<readonly ApiResource[]> => {
    const path = `/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}`
    try {
      return readResources(await json({ path, signal }))
    } catch (error) {
      if (error instanceof KubernetesError && error.status === 404) return []
      throw error
    }
  }

  return {
    get: (path, signal) => object({ path, signal }),
    list: (path, options) =>
      listPages(options, (query) => {
        const accept = options.metadataOnly ? METADATA_LIST : 'application/json'
        return json({ path, query, accept, maxBytes: MAX_PAGE, signal: options.signal })
      }),
    async *watch(path, { resourceVersion, metadataOnly, labelSelector, signal }) {
      const query = {
        watch: '1',
        allowWatchBookmarks: 'true',
        timeoutSeconds: String(WATCH_SECONDS),
        resourceVersion,
        ...(labelSelector !== undefined && { labelSelector }),
      }
      const accept = metadataOnly ? METADATA_ONLY : 'application/json'
      const stream = { maxBytes: MAX_WATCH, timeout: (WATCH_SECONDS + 30) * 1000, idle: WATCH_IDLE }
      const response = await send({ path, query, accept, stream, signal })
      if (!response.stream) throw unreadable('a watch has no body')
      try {
        yield* readEvents(response.stream)
      } catch (error) {
        if (!(error instanceof EgressError)) throw error
        // silence is no failure: the next watch shows whether the server is there
        if (error.code !== 'TIMEOUT') throw unreachable(error)
      }
    },
    patch: (path, body, { type, signal }) =>
      object({
        method: 'PATCH',
        path,
        query: { fieldManager: FIELD_MANAGER },
        contentType: PATCH_TYPES[type],
        body,
        signal,
      }),
    create: (path, body, signal) =>
      json({ method: 'POST', path, query: { fieldManager: FIELD_MANAGER }, body, signal }),
    resources: (apiVersion, signal) =>
      known.get(apiVersion, { signal, now }, async () => ({
        value: await loadResources(apiVersion, signal),
        until: now() + RESOURCES_ARE_FRESH_FOR,
      })),
  }
}

const unreachable = (error: EgressError): KubernetesError =>
  new KubernetesError(`cannot reach the API server: ${error.message}`, {
    status: null,
    reason: 'Unreachable',
    cause: error,
  })

/** The message of a hostile server could repeat what it received. */
function refusalOf(
  { status, headers, body }: EgressResponse,
  { secrets }: ClusterAuthorization,
): KubernetesError {
  let text = Buffer.from(body).toString()
  for (const secret of secrets) text = text.replaceAll(secret, '•••')
  return errorOfStatus(status, parseJson(text), textOf(headers['retry-after']))
}
