import type { KeyValue } from '../input/key-values.ts'
import { checkNamespace, checkStreamName } from '../input/names.ts'
import type { Fields } from './fields.ts'
import type { DocumentReport } from './report.ts'

/** The stream that a document describes. */
export interface DocumentSubject {
  readonly namespace: string
  readonly name: string
  readonly report: DocumentReport
}

/** The object and version that a document was exported from; null where they are missing. */
export interface DocumentVersion {
  readonly uid: string | null
  readonly resourceVersion: string | null
}

export interface DocumentMetadata extends DocumentSubject, DocumentVersion {
  readonly labels: readonly KeyValue[]
  readonly annotations: readonly KeyValue[]
}

const SERVER_SET = [
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'generation',
  'managedFields',
  'selfLink',
] as const

/** Parses the name of the stream in `metadata`. Throws InvalidInputError. */
export function parseSubject(
  document: Fields,
  defaultNamespace: string,
): { readonly metadata: Fields; readonly subject: DocumentSubject } {
  const { report } = document
  const metadata = document.object('metadata') ?? document.fail('metadata', 'is missing')
  metadata.ignore(...SERVER_SET)
  const name = metadata.required('name')
  const namespace = metadata.string('namespace') || defaultNamespace
  report.checked(() => checkNamespace(namespace, 'metadata.namespace'))
  report.checked(() => checkStreamName(namespace, name, 'metadata.name'))
  return { metadata, subject: { namespace, name, report } }
}

/** Parses the version in `metadata`. Throws InvalidInputError. */
export const parseDocumentVersion = (metadata: Fields): DocumentVersion => ({
  uid: metadata.string('uid') || null,
  resourceVersion: metadata.string('resourceVersion') || null,
})

/** Parses the whole `metadata`. Throws InvalidInputError. */
export function parseMetadata(document: Fields, defaultNamespace: string): DocumentMetadata {
  const { metadata, subject } = parseSubject(document, defaultNamespace)
  return {
    ...subject,
    labels: metadata.keyValues('labels'),
    annotations: metadata.keyValues('annotations'),
    ...parseDocumentVersion(metadata),
  }
}
