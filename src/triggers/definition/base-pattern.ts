import { invalid } from '../../input/errors.ts'
import { matchesGlob } from '../../input/glob.ts'
import { patternNamed } from '../../input/qualified-name.ts'
import type { StreamName } from '../../oci/stream-name.ts'

const MAX_LENGTH = 600
const PARTS = /^([^/]+)\/(.*):([^:]*)$/s

/**
 * Returns a pattern over base images as it is stored, `namespace/streams:tags`. A pattern without a namespace is of the given
 * one; `*` before the first slash stands for all namespaces. Throws InvalidInputError.
 */
export function checkBasePattern(text: string, namespace: string, field: string): string {
  if (text.length > MAX_LENGTH) throw invalid(field, `must have at most ${MAX_LENGTH} characters`)
  const { namespace: named, stream = '*', tag = '*' } = patternNamed({ name: text }, field)
  const inNamespace = named ?? (text.startsWith('*/') ? '*' : namespace)
  return `${inNamespace}/${stream}:${tag}`
}

/** Returns the namespace of a stored pattern; `*` for all. */
export const namespaceOfBases = (pattern: string): string => partsOf(pattern).namespace

/** Reports whether a stored pattern matches a tag. */
export function matchesBases(pattern: string, { namespace, name }: StreamName, tag: string): boolean {
  const parts = partsOf(pattern)
  return (
    matchesGlob(parts.namespace, namespace) &&
    matchesGlob(parts.streams, name) &&
    matchesGlob(parts.tags, tag)
  )
}

function partsOf(pattern: string): {
  readonly namespace: string
  readonly streams: string
  readonly tags: string
} {
  const [, namespace = '', streams = '', tags = ''] = PARTS.exec(pattern) ?? []
  return { namespace, streams, tags }
}
