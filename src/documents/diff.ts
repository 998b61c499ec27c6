import type { Spec } from '../imagestream/spec/spec.ts'
import { INSECURE_REPOSITORY } from '../imagestream/spec/stream-annotations.ts'
import { readKeyValues } from '../input/key-values.ts'
import type { DesiredStream } from './desired-stream.ts'
import { isPlainObject } from './fields.ts'
import { specTagDocument, toObject } from './image-stream-document.ts'
import { pathText } from './source.ts'

/**
 * Returns the difference between two states of a stream: a line for each field that is removed (`-`) or added (`+`), in
 * order of path, with spec tags by name; empty for equal states. Fields that the server sets are left out.
 */
export function streamDiff(before: DesiredStream | null, after: DesiredStream): string {
  const old = before ? linesOf(before) : new Map<string, string>()
  const now = linesOf(after)
  const paths = [...new Set([...now.keys(), ...old.keys()])].sort(byPath)
  const fields = paths
    .filter((path) => old.get(path) !== now.get(path))
    .flatMap((path) => [...line('-', path, old.get(path)), ...line('+', path, now.get(path))])
  return [...fields, ...(before ? linesOfOrder(before.spec, after.spec) : [])].join('')
}

/** Returns the order of the tags that both specs have, where it differs. */
function linesOfOrder(before: Spec, after: Spec): string[] {
  const orderOf = (spec: Spec, other: Spec): string =>
    JSON.stringify([...spec.tags.keys()].filter((name) => other.tags.has(name)))
  const [old, now] = [orderOf(before, after), orderOf(after, before)]
  return old === now ? [] : [...line('-', 'order of spec.tags', old), ...line('+', 'order of spec.tags', now)]
}

const line = (sign: '-' | '+', path: string, value: string | undefined): string[] =>
  value === undefined ? [] : [`${sign} ${path}: ${value}\n`]

const byPath = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Returns each field that has a value, by its path. */
function linesOf(stream: DesiredStream): Map<string, string> {
  const lines = new Map<string, string>()
  const add = (value: unknown, path: readonly string[]): void => {
    if (!isPlainObject(value)) lines.set(pathText(path), JSON.stringify(value))
    else for (const [key, child] of Object.entries(value)) if (child !== null) add(child, [...path, key])
  }
  add(documentOf(stream), [])
  return lines
}

/** Returns the document's part that clients write, with the repository's import policy, which documents have no field for. */
function documentOf({ namespace, name, labels, annotations, spec }: DesiredStream): object {
  const { insecure } = spec
  const entries = [
    ...readKeyValues(annotations),
    ...(insecure ? [{ key: INSECURE_REPOSITORY, value: 'true' }] : []),
  ]
  return {
    metadata: { namespace, name, annotations: toObject(entries), labels: toObject(readKeyValues(labels)) },
    spec: {
      dockerImageRepository: spec.dockerImageRepository,
      importPolicy: { importMode: spec.importMode, scheduled: Boolean(spec.scheduled) },
      lookupPolicy: { local: Boolean(spec.lookupLocal) },
      // by name, and without it
      tags: Object.fromEntries(
        [...spec.tags].map(([name, tag]) => [name, { ...specTagDocument(name, tag), name: null }]),
      ),
    },
  }
}
