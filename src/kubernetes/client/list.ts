import { isObject, type Json, textOf } from '../../oci/json.ts'
import { KubernetesError, unreadable } from './errors.ts'
import { asKubernetesObject, type KubernetesObject } from './object.ts'

/** Options of a list. */
export interface ListOptions {
  /** Objects have nothing but their metadata, which is much less to transfer. */
  readonly metadataOnly?: boolean
  /** Maximum number of objects in a page; 250 unless given. */
  readonly limit?: number
  /** `app=web,tier!=db`. */
  readonly labelSelector?: string
  readonly signal: AbortSignal
}

/** Objects of one page. */
export interface ListPage {
  /** Whether the list begins here: at the first page, and again after its version has expired. */
  readonly isFirst: boolean
  readonly items: readonly KubernetesObject[]
  /** Version of the whole list, after which a watch begins. */
  readonly resourceVersion: string
}

const DEFAULT_LIMIT = 250
/** How often a list begins again, when it is so long that its version expires meanwhile. */
const MAX_RESTARTS = 3
/** Pages of one list: a million objects by the default limit. */
const MAX_PAGES = 4_000

/** Returns the pages of a list, each by one request. Throws KubernetesError. */
export async function* listPages(
  { limit = DEFAULT_LIMIT, labelSelector }: ListOptions,
  fetchPage: (query: Readonly<Record<string, string>>) => Promise<Json>,
): AsyncGenerator<ListPage, void> {
  const fixed = { limit: String(limit), ...(labelSelector !== undefined && { labelSelector }) }
  let token = ''
  let restarts = 0
  for (let pages = 1; pages <= MAX_PAGES; pages++) {
    const isFirst = token === ''
    try {
      const page = readPage(await fetchPage({ ...fixed, ...(!isFirst && { continue: token }) }))
      if (!isFirst && page.token === token) throw unreadable('a page of a list repeats')
      token = page.token
      yield { isFirst, items: page.items, resourceVersion: page.resourceVersion }
      if (token === '') return
    } catch (error) {
      const mayRestart = error instanceof KubernetesError && error.isExpired && !isFirst
      if (!mayRestart || ++restarts > MAX_RESTARTS) throw error
      token = ''
    }
  }
  throw unreadable(`a list has more than ${MAX_PAGES} pages`)
}

function readPage(list: Json): { items: KubernetesObject[]; resourceVersion: string; token: string } {
  const { metadata } = list
  // Go writes an empty list as null
  const items = list.items ?? []
  if (!Array.isArray(items) || !isObject(metadata)) throw unreadable('it is not a list')
  const resourceVersion = textOf(metadata.resourceVersion)
  if (resourceVersion === '') throw unreadable('a list has no version')
  return {
    items: items.map((item) => itemOf(item, list)),
    resourceVersion,
    token: textOf(metadata.continue),
  }
}

/** Items of a list do not repeat its API version and kind. */
function itemOf(item: unknown, { apiVersion, kind }: Json): KubernetesObject {
  const object = asKubernetesObject(item)
  if (!object) throw unreadable('an item of a list is not an object with valid metadata')
  return { apiVersion, kind: textOf(kind).replace(/List$/, ''), ...object }
}
