import type { ImportMode } from '../imagestream/image/fetch-image.ts'
import { InvalidInputError } from '../input/errors.ts'
import { Fields, isObject } from './fields.ts'
import { parseStream, type StreamDocument } from './image-stream.ts'
import { type ImportDocument, parseImport } from './image-stream-import.ts'
import { parseJson } from './json.ts'
import { DocumentReport } from './report.ts'
import {
  MAX_DOCUMENTS,
  MAX_MANIFEST_LENGTH,
  MAX_TAGS,
  type Path,
  quote,
  type SourceDocument,
} from './source.ts'
import { parseYaml } from './yaml.ts'

export type ParsedDocument = StreamDocument | ImportDocument

/** What counts where a document does not say. */
export interface DocumentDefaults {
  readonly namespace: string
  readonly importMode: ImportMode
}

const IMAGE_VERSIONS = ['image.openshift.io/v1', 'v1'] as const
/** What is in lists of each kind, where an item does not say: Go leaves it out. */
const LISTS: Readonly<Record<string, string | null>> = { List: null, ImageStreamList: 'ImageStream' }
const KINDS = { ImageStream: parseStream, ImageStreamImport: parseImport } as const

/**
 * The documents of a manifest: JSON, or YAML documents separated by `---`, each an `ImageStream`, an
 * `ImageStreamImport` or a list of them.
 * Throws InvalidInputError that names the document, the line and the field.
 */
export function parseDocuments(manifest: string, defaults: DocumentDefaults): ParsedDocument[] {
  if (manifest.length > MAX_MANIFEST_LENGTH) {
    throw new InvalidInputError('manifest', `a manifest has at most ${MAX_MANIFEST_LENGTH} characters`)
  }
  const places = sourcesOf(manifest).flatMap(placesOf)
  const total = places.length
  if (total === 0) throw new InvalidInputError('manifest', 'there is no document in it')
  if (total > MAX_DOCUMENTS) {
    throw new InvalidInputError(
      'manifest',
      `there are ${total} documents; at most ${MAX_DOCUMENTS} are taken`,
    )
  }
  const documents = places.map(({ source, at, value, kind }, index) => {
    const report = new DocumentReport({ source, at, ordinal: index + 1, total })
    return parseDocument(new Fields(value, [], report), kind, defaults)
  })
  refuseTwins(documents)
  refuseManyTags(documents)
  return documents
}

/**
 * The documents of a text, whatever they are. JSON that is broken is read as YAML, which it may be as well: the error then
 * has its line and column. Throws InvalidInputError.
 */
export const sourcesOf = (manifest: string): SourceDocument[] => {
  const json = /^\uFEFF?\s*[{[]/.test(manifest) ? parseJson(manifest.replace(/^\uFEFF/, '')) : undefined
  return json ? [json] : parseYaml(manifest)
}

interface Place {
  readonly source: SourceDocument
  readonly at: Path
  readonly value: unknown
  /** What it is when it does not say. */
  readonly kind: string | null
}

/** The document itself, or the items of a list. */
function placesOf(source: SourceDocument): Place[] {
  const { value } = source
  const { kind, items } = isObject(value) ? (value as Record<string, unknown>) : {}
  if (typeof kind !== 'string' || !Object.hasOwn(LISTS, kind)) return [{ source, at: [], value, kind: null }]
  const report = new DocumentReport({ source, at: [], ordinal: 1, total: 1 })
  if (!Array.isArray(items ?? [])) report.fail(['items'], 'must be a list')
  return ((items ?? []) as unknown[]).map((item, at) => ({
    source,
    at: ['items', at],
    value: item,
    kind: LISTS[kind] ?? null,
  }))
}

function parseDocument(
  fields: Fields,
  kindOfList: string | null,
  defaults: DocumentDefaults,
): ParsedDocument {
  const said = fields.text('kind')
  const kind = said ?? kindOfList ?? fields.fail('kind', 'is missing')
  if (kind !== 'ImageStream' && kind !== 'ImageStreamImport') {
    return fields.fail(
      'kind',
      `${quote(kind)} is not taken: it must be ${Object.keys(KINDS).join(' or ')}, or List for several`,
    )
  }
  if (!fields.choice('apiVersion', IMAGE_VERSIONS) && said !== null) fields.fail('apiVersion', 'is missing')
  const document = KINDS[kind](fields, defaults)
  fields.warnUnread()
  return document
}

/** Two documents of one stream would undo each other; an import beside it is another matter. */
function refuseTwins(documents: readonly ParsedDocument[]): void {
  const ordinals = new Map<string, number>()
  for (const [at, { kind, namespace, name, report }] of documents.entries()) {
    const subject = `${kind} ${namespace}/${name}`
    const first = ordinals.get(subject)
    if (first) report.fail(['metadata', 'name'], `document ${first} is ${subject} already`)
    ordinals.set(subject, at + 1)
  }
}

function refuseManyTags(documents: readonly ParsedDocument[]): void {
  const tags = documents.map((one) => (one.kind === 'ImageStream' ? one.spec.tags : one.imports).length)
  const total = tags.reduce((sum, count) => sum + count, 0)
  if (total > MAX_TAGS) {
    throw new InvalidInputError(
      'manifest',
      `there are ${total} tags; at most ${MAX_TAGS} are taken at a time`,
    )
  }
}
