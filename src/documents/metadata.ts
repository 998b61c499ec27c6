import type { KeyValue } from '../input/key-values.ts'
import { checkNamespace, checkStreamName } from '../input/names.ts'
import type { Fields } from './fields.ts'
import type { DocumentReport } from './report.ts'

/** Which stream a document is about. */
export interface DocumentSubject {
  readonly namespace: string
  readonly name: string
  readonly report: DocumentReport
}

/** Which stream a document was made from, and which version of it; null where it does not say. */
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

/** Who the document is about, by its `metadata`. Throws InvalidInputError. */
export function parseSubject(
  document: Fields,
  defaultNamespace: string,
): { readonly metadata: Fields; readonly subject: DocumentSubject } {
  const { report } = document
  const metadata = document.object('metadata') ?? document.fail('metadata', 'is missing')
  metadata.ignore(...SERVER_SET)
  const name = metadata.required('name')
  const namespace = metadata.text('namespace') || defaultNamespace
  report.checked(() => checkNamespace(namespace, 'metadata.namespace'))
  report.checked(() => checkStreamName(namespace, name, 'metadata.name'))
  return { metadata, subject: { namespace, name, report } }
}

/** Throws InvalidInputError. */
export const parseVersion = (metadata: Fields): DocumentVersion => ({
  uid: metadata.text('uid') || null,
  resourceVersion: metadata.text('resourceVersion') || null,
})

/** The whole `metadata`. Throws InvalidInputError. */
export function parseMetadata(document: Fields, defaultNamespace: string): DocumentMetadata {
  const { metadata, subject } = parseSubject(document, defaultNamespace)
  return {
    ...subject,
    labels: metadata.keyValues('labels'),
    annotations: metadata.keyValues('annotations'),
    ...parseVersion(metadata),
  }
}
