import type { Json } from '../../oci/json.ts'
import type { ListOptions, ListPage } from './list.ts'
import type { KubernetesObject } from './object.ts'
import type { ApiResource } from './resources.ts'
import type { WatchEvent } from './watch-stream.ts'

/** How a patch is read. A strategic merge merges containers by name; other resources than built-in ones may refuse it. */
export type PatchType = 'strategic' | 'merge' | 'json'

/** Options of a watch. */
export interface WatchOptions {
  /** Version after which changes are sent: that of a list or a bookmark. */
  readonly resourceVersion: string
  /** Objects have nothing but their metadata. */
  readonly metadataOnly?: boolean
  readonly labelSelector?: string
  readonly signal: AbortSignal
}

/**
 * The API of one cluster. Paths are those of `resourcePath`. All functions reject with KubernetesError, or with the reason
 * of the signal once it is aborted. Requests are not repeated.
 */
export interface KubernetesClient {
  /** Returns an object. */
  get(path: string, signal: AbortSignal): Promise<KubernetesObject>
  /** Returns the objects of a list in pages. A page with `isFirst` begins the list again: what came before is outdated. */
  list(path: string, options: ListOptions): AsyncGenerator<ListPage, void>
  /**
   * Returns changes as they happen, with bookmarks. It ends after some minutes, or when the server has sent nothing for a
   * while: the caller watches again after the last version. It throws an error that `isExpired` if the version is too old: the
   * caller lists again.
   */
  watch(path: string, options: WatchOptions): AsyncGenerator<WatchEvent, void>
  /** Changes an object as FIELD_MANAGER and returns it. */
  patch(
    path: string,
    body: object,
    options: { readonly type: PatchType; readonly signal: AbortSignal },
  ): Promise<KubernetesObject>
  /** Creates an object, or posts to a subresource, and returns the JSON of the response. */
  create(path: string, body: object, signal: AbortSignal): Promise<Json>
  /** Returns the resources of an API version such as `apps/v1`; empty if the cluster has none. Cached for minutes. */
  resources(apiVersion: string, signal: AbortSignal): Promise<readonly ApiResource[]>
}
