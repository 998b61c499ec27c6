import type { Json } from '../../oci/json.ts'
import { DEFAULT_NAMESPACE } from '../../oci/stream-name.ts'

/** What a mutation names: a namespace, which is null for what affects no single one, and a text like `team/app:v1`. */
interface Named {
  readonly namespace: string | null
  readonly target: string | null
}

/**
 * Returns what the input of a refused mutation names, in the form in which the log has changes, but not checked. `isInNamespace`:
 * whether its input has the field `namespace`, without which it is the default one.
 */
export function refusedTarget(input: Json, isInNamespace: boolean): Named {
  const text = (field: string): string | undefined =>
    typeof input[field] === 'string' ? input[field] : undefined
  const place = text('place')
  if (place !== undefined) {
    const [namespace = ''] = place.split('/', 1)
    return { namespace: namespace === '*' ? null : namespace, target: place }
  }
  const stream = text('imageStream') ?? (isInNamespace ? text('name') : undefined)
  if (stream !== undefined) return streamIn(stream, text('namespace'), text('tag'))
  return {
    namespace: text('namespace') ?? (isInNamespace ? DEFAULT_NAMESPACE : null),
    target: text('name') ?? text('id') ?? text('uid') ?? null,
  }
}

function streamIn(stream: string, given: string | undefined, tag: string | undefined): Named {
  const isQualified = given === undefined && stream.includes('/')
  const namespace = isQualified ? (stream.split('/', 1)[0] ?? '') : (given ?? DEFAULT_NAMESPACE)
  const name = isQualified ? stream : `${namespace}/${stream}`
  return { namespace, target: tag === undefined ? name : `${name}:${tag}` }
}
