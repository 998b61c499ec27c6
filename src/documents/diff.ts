import { INSECURE_REPOSITORY } from '../imagestream/commands/write-stream.ts'
import type { ImageStream, Spec, SpecTagContent } from '../imagestream/spec/spec.ts'
import { type KeyValue, readKeyValues } from '../input/key-values.ts'
import type { TagName } from '../oci/tag.ts'
import { isObject } from './fields.ts'
import { wantedTagDocument } from './manifest-document.ts'
import { pathText } from './source.ts'

/** What clients write of a stream, as it is stored. */
export interface Wanted extends Pick<ImageStream, 'namespace' | 'name' | 'labels' | 'annotations'> {
  readonly spec: Spec
}

/**
 * What changes between two states of a stream, a line for each field that is gone (`-`) or new (`+`), by path; empty
 * when nothing does. Tags go by their name. What servers set is left out.
 */
export function diffWanted(before: Wanted | null, after: Wanted): string {
  const old = before ? linesOf(before) : new Map<string, string>()
  const now = linesOf(after)
  const paths = [...new Set([...now.keys(), ...old.keys()])].sort(byPath)
  const fields = paths
    .filter((path) => old.get(path) !== now.get(path))
    .flatMap((path) => [...line('-', path, old.get(path)), ...line('+', path, now.get(path))])
  return [...fields, ...(before ? linesOfOrder(before.spec, after.spec) : [])].join('')
}

/** The order of the tags that both have, where it is another one. */
function linesOfOrder(before: Spec, after: Spec): string[] {
  const orderOf = (spec: Spec, other: Spec): string =>
    JSON.stringify([...spec.tags.keys()].filter((name) => other.tags.has(name)))
  const [old, now] = [orderOf(before, after), orderOf(after, before)]
  return old === now ? [] : [...line('-', 'order of spec.tags', old), ...line('+', 'order of spec.tags', now)]
}

const line = (sign: '-' | '+', path: string, value: string | undefined): string[] =>
  value === undefined ? [] : [`${sign} ${path}: ${value}\n`]

const byPath = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Each field that has a value, by its path. */
function linesOf(wanted: Wanted): Map<string, string> {
  const lines = new Map<string, string>()
  const add = (value: unknown, path: readonly string[]): void => {
    if (!isObject(value)) lines.set(pathText(path), JSON.stringify(value))
    else for (const [key, child] of Object.entries(value)) if (child !== null) add(child, [...path, key])
  }
  add(documentOf(wanted), [])
  return lines
}

/** The part of the document that clients write, with the import policy of the repository that it has no place for. */
function documentOf({ namespace, name, labels, annotations, spec }: Wanted): object {
  const { insecure } = spec
  const notes = [
    ...readKeyValues(annotations),
    ...(insecure ? [{ key: INSECURE_REPOSITORY, value: 'true' }] : []),
  ]
  return {
    metadata: { namespace, name, annotations: toObject(notes), labels: toObject(readKeyValues(labels)) },
    spec: {
      dockerImageRepository: spec.dockerImageRepository,
      importPolicy: { importMode: spec.importMode, scheduled: Boolean(spec.scheduled) },
      lookupPolicy: { local: Boolean(spec.lookupLocal) },
      tags: Object.fromEntries([...spec.tags].map(([name, tag]) => [name, tagOf(name, tag)])),
    },
  }
}

const tagOf = (name: TagName, tag: SpecTagContent): object => {
  const { name: _isItsKey, ...document } = wantedTagDocument(name, tag)
  return document
}

const toObject = (entries: readonly KeyValue[]): object =>
  Object.fromEntries(entries.map(({ key, value }) => [key, value]))
