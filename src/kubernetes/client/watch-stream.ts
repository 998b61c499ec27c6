import { isObject, parseJson, textOf } from '../../oci/json.ts'
import { errorOfStatus, type KubernetesError, unreadable } from './errors.ts'
import { asKubernetesObject, type KubernetesObject } from './object.ts'

/** A change of an object, or a bookmark: a version after which a watch can continue. */
export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: KubernetesObject }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }

/** Bytes of one event: objects have at most about 3 MiB, since etcd stores no larger ones. */
const MAX_LINE = 4 * 1024 * 1024
const NEWLINE = 0x0a

/**
 * Returns the events in the body of a watch, one JSON document a line. Throws KubernetesError, which is expired if the
 * server no longer has the changes. An event that ends with the body, without a newline, is dropped.
 */
export async function* readEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<WatchEvent, void> {
  for await (const line of linesOf(chunks)) {
    if (line.length > 0) yield eventOf(line)
  }
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let parts: Uint8Array[] = []
  let length = 0
  const add = (part: Uint8Array): void => {
    length += part.length
    if (length > MAX_LINE) throw unreadable(`an event has more than ${MAX_LINE} bytes`)
    parts.push(part)
  }
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, end))
      yield Buffer.concat(parts, length)
      parts = []
      length = 0
      start = end + 1
    }
    add(chunk.subarray(start))
  }
}

function eventOf(line: Uint8Array): WatchEvent {
  const event = parseJson(line)
  if (!isObject(event)) throw unreadable('an event of a watch is not a JSON object')
  if (event.type === 'ERROR') throw errorOf(event.object)
  const object = asKubernetesObject(event.object)
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      if (!object) break
      return { type: event.type, object }
    case 'BOOKMARK':
      return { type: 'BOOKMARK', resourceVersion: bookmarkOf(event.object) }
  }
  throw unreadable('an event of a watch has an unknown type, or no valid object')
}

function errorOf(status: unknown): KubernetesError {
  const code = isObject(status) && Number.isInteger(status.code) ? Number(status.code) : 500
  return errorOfStatus(code, status, '')
}

/** The object of a bookmark has no other field. */
function bookmarkOf(object: unknown): string {
  const version = isObject(object) && isObject(object.metadata) ? textOf(object.metadata.resourceVersion) : ''
  if (version === '') throw unreadable('a bookmark has no version')
  return version
}
