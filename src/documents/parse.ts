import type { ImportMode } from '../imagestream/image/fetch-image.ts'
import { InvalidInputError } from '../input/errors.ts'
import { controlCharacterIn } from '../oci/control-characters.ts'
import { namesRefusedByClusters } from './cluster-names.ts'
import { Fields, isPlainObject } from './fields.ts'
import { parseStream, type StreamDocument } from './image-stream.ts'
import { type ImportDocument, parseImport } from './image-stream-import.ts'
import { parseJsonDocument } from './json.ts'
import { type SkippedDocument, skippedDocument } from './other-kinds.ts'
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

/** The documents of a text, and those of other kinds, both in the order of the text. */
export interface ParsedDocuments {
  readonly documents: readonly ParsedDocument[]
  readonly skipped: readonly SkippedDocument[]
}

/**
 * Parses the documents of a text: JSON, or YAML documents separated by `---`, each an `ImageStream`, an
 * `ImageStreamImport` or a list of them; documents of other kinds are skipped.
 * Throws InvalidInputError that names the document, the line and the field, also for a text with nothing to apply.
 */
export function parseDocuments(text: string, defaults: DocumentDefaults): ParsedDocuments {
  if (text.length > MAX_DOCUMENTS_LENGTH) {
    throw new InvalidInputError(
      'documents',
      `the documents may have at most ${MAX_DOCUMENTS_LENGTH} characters`,
    )
  }
  const values = sourcesOf(text).flatMap((source) =>
    documentValuesOf({ source, at: [], value: source.value, kind: null }),
  )
  const total = values.length
  if (total === 0) throw new InvalidInputError('documents', 'there is no document')
  if (total > MAX_DOCUMENTS) {
    throw new InvalidInputError(
      'documents',
      `there are ${total} documents: at most ${MAX_DOCUMENTS} are allowed`,
    )
  }
  const documents: ParsedDocument[] = []
  const skipped: SkippedDocument[] = []
  for (const [index, { source, at, value, kind }] of values.entries()) {
    const ordinal = index + 1
    const report = new DocumentReport({ source, at, ordinal, total })
    const other = otherKindOf(value)
    if (other) {
      const skip = skippedDocument(other.value, other.kind, ordinal)
      const control = controlCharacterIn(skip)
      if (control) report.fail([], control.problem)
      if (index === total - 1 && documents.length === 0) {
        report.fail(
          ['kind'],
          `${quote(other.kind)} is not applied, and nothing else is in the text: ${skip.message}`,
        )
      }
      skipped.push(skip)
      continue
    }
    const control = controlCharacterIn(value)
    if (control) report.fail(control.path, control.problem)
    documents.push(parseDocument(new Fields(value, [], report), kind, defaults))
  }
  refuseDuplicates(documents)
  refuseManyTags(documents)
  return { documents, skipped }
}

/** Returns the kind of a document that is not applied; undefined for one that is, and one without a kind. */
function otherKindOf(value: unknown): { readonly value: object; readonly kind: string } | undefined {
  if (!isPlainObject(value)) return undefined
  const { kind } = value as { readonly kind?: unknown }
  if (typeof kind !== 'string' || kind === '' || isApplied(kind)) return undefined
  return { value, kind }
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

/** Maximum number of lists inside each other. */
const MAX_LISTS = 4

/** Returns the document itself, or the items of a list, and of the lists in it. */
function documentValuesOf(document: DocumentValue, depth = 1): DocumentValue[] {
  const { source, at, value } = document
  const { kind, items } = isPlainObject(value) ? (value as Record<string, unknown>) : {}
  if (typeof kind !== 'string' || !Object.hasOwn(ITEM_KINDS, kind)) return [document]
  const report = new DocumentReport({ source, at, ordinal: 1, total: 1 })
  if (depth > MAX_LISTS) report.fail(['items'], `lists are nested more than ${MAX_LISTS} deep`)
  if (!Array.isArray(items ?? [])) report.fail(['items'], 'must be a list')
  return ((items ?? []) as unknown[]).flatMap((item, index) =>
    documentValuesOf(
      { source, at: [...at, 'items', index], value: item, kind: ITEM_KINDS[kind] ?? null },
      depth + 1,
    ),
  )
}

const isApplied = (kind: string): kind is keyof typeof KINDS => Object.hasOwn(KINDS, kind)

function parseDocument(fields: Fields, itemKind: string | null, defaults: DocumentDefaults): ParsedDocument {
  const ownKind = fields.string('kind')
  const kind = ownKind ?? itemKind ?? fields.fail('kind', 'is missing')
  if (!isApplied(kind)) {
    return fields.fail('kind', `it must be ${Object.keys(KINDS).join(' or ')}, or List for several`)
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
