import type { ImportMode } from '../imagestream/image/fetch-image.ts'
import { InvalidInputError } from '../input/errors.ts'
import { controlCharacterIn } from '../oci/control-characters.ts'
import { namesRefusedByClusters } from './cluster-names.ts'
import { Fields, isPlainObject } from './fields.ts'
import { parseStream, type StreamDocument } from './image-stream.ts'
import { type ImportDocument, parseImport } from './image-stream-import.ts'
import { parseJsonDocument } from './json.ts'
import { DocumentReport } from './report.ts'
import {
  MAX_DOCUMENTS,
  MAX_DOCUMENTS_LENGTH,
  MAX_TAGS,
  type Path,
  quote,
  type SourceDocument,
} from './source.ts'
import { parseYaml } from './yaml.ts'

export type ParsedDocument = StreamDocument | ImportDocument

/** Values for fields that a document leaves out. */
export interface DocumentDefaults {
  /** Null if the client gave none: then it is `default`, and a document with a nested name must have one. */
  readonly namespace: string | null
  readonly importMode: ImportMode
}

const IMAGE_VERSIONS = ['image.openshift.io/v1', 'v1'] as const
/** Kind of the items of each kind of list, where an item has none: Go leaves it out. Null for items that must have one. */
const ITEM_KINDS: Readonly<Record<string, string | null>> = { List: null, ImageStreamList: 'ImageStream' }
const KINDS = { ImageStream: parseStream, ImageStreamImport: parseImport } as const

/**
 * Parses the documents of a text: JSON, or YAML documents separated by `---`, each an `ImageStream`, an
 * `ImageStreamImport` or a list of them.
 * Throws InvalidInputError that names the document, the line and the field.
 */
export function parseDocuments(text: string, defaults: DocumentDefaults): ParsedDocument[] {
  if (text.length > MAX_DOCUMENTS_LENGTH) {
    throw new InvalidInputError(
      'documents',
      `the documents may have at most ${MAX_DOCUMENTS_LENGTH} characters`,
    )
  }
  const values = sourcesOf(text).flatMap(documentValuesOf)
  const total = values.length
  if (total === 0) throw new InvalidInputError('documents', 'there is no document')
  if (total > MAX_DOCUMENTS) {
    throw new InvalidInputError(
      'documents',
      `there are ${total} documents: at most ${MAX_DOCUMENTS} are allowed`,
    )
  }
  const documents = values.map(({ source, at, value, kind }, index) => {
    const report = new DocumentReport({ source, at, ordinal: index + 1, total })
    const control = controlCharacterIn(value)
    if (control) report.fail(control.path, control.problem)
    return parseDocument(new Fields(value, [], report), kind, defaults)
  })
  refuseDuplicates(documents)
  refuseManyTags(documents)
  return documents
}

/**
 * Parses a text without checking the fields of its documents. Text that starts as JSON and is not JSON is parsed as YAML,
 * which it may be, and whose errors have a line and column. Throws InvalidInputError.
 */
export const sourcesOf = (text: string): SourceDocument[] => {
  const json = /^\uFEFF?\s*[{[]/.test(text) ? parseJsonDocument(text.replace(/^\uFEFF/, '')) : undefined
  return json ? [json] : parseYaml(text)
}

/** A document inside its source. */
interface DocumentValue {
  readonly source: SourceDocument
  readonly at: Path
  readonly value: unknown
  /** Kind of a document without one. */
  readonly kind: string | null
}

/** Returns the document itself, or the items of a list. */
function documentValuesOf(source: SourceDocument): DocumentValue[] {
  const { value } = source
  const { kind, items } = isPlainObject(value) ? (value as Record<string, unknown>) : {}
  if (typeof kind !== 'string' || !Object.hasOwn(ITEM_KINDS, kind))
    return [{ source, at: [], value, kind: null }]
  const report = new DocumentReport({ source, at: [], ordinal: 1, total: 1 })
  if (!Array.isArray(items ?? [])) report.fail(['items'], 'must be a list')
  return ((items ?? []) as unknown[]).map((item, at) => ({
    source,
    at: ['items', at],
    value: item,
    kind: ITEM_KINDS[kind] ?? null,
  }))
}

function parseDocument(fields: Fields, itemKind: string | null, defaults: DocumentDefaults): ParsedDocument {
  const ownKind = fields.string('kind')
  const kind = ownKind ?? itemKind ?? fields.fail('kind', 'is missing')
  if (kind !== 'ImageStream' && kind !== 'ImageStreamImport') {
    return fields.fail(
      'kind',
      `${quote(kind)} is not allowed: it must be ${Object.keys(KINDS).join(' or ')}, or List for several`,
    )
  }
  if (!fields.choice('apiVersion', IMAGE_VERSIONS) && ownKind !== null)
    fields.fail('apiVersion', 'is missing')
  const document = KINDS[kind](fields, defaults)
  const sources = document.kind === 'ImageStream' ? document.spec.tags.map(({ from }) => from) : []
  for (const { path, message } of namesRefusedByClusters({ ...document, sources })) {
    document.report.warn(path, message)
  }
  fields.warnUnread()
  return document
}

/** Throws InvalidInputError for two documents of one kind and stream: the second would undo the first. */
function refuseDuplicates(documents: readonly ParsedDocument[]): void {
  const ordinals = new Map<string, number>()
  for (const [at, { kind, namespace, name, report }] of documents.entries()) {
    const subject = `${kind} ${namespace}/${name}`
    const first = ordinals.get(subject)
    if (first) report.fail(['metadata', 'name'], `document ${first} is ${subject} too`)
    ordinals.set(subject, at + 1)
  }
}

function refuseManyTags(documents: readonly ParsedDocument[]): void {
  const tags = documents.map((one) => (one.kind === 'ImageStream' ? one.spec.tags : one.imports).length)
  const total = tags.reduce((sum, count) => sum + count, 0)
  if (total > MAX_TAGS) {
    throw new InvalidInputError('documents', `there are ${total} tags: at most ${MAX_TAGS} are allowed`)
  }
}
