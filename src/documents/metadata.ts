import { InvalidInputError } from '../input/errors.ts'
import { checkNamespace, checkStreamName } from '../input/names.ts'
import { DEFAULT_NAMESPACE } from '../oci/stream-name.ts'
import type { Fields } from './fields.ts'
import type { DocumentReport } from './report.ts'

/** The stream that a document describes, and the object and version that it was exported from: null where missing. */
export interface DocumentSubject {
  readonly namespace: string
  readonly name: string
  readonly uid: string | null
  readonly resourceVersion: string | null
  readonly report: DocumentReport
}

const SERVER_SET = [
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'generation',
  'managedFields',
  'selfLink',
] as const

/** Parses the subject in `metadata`, whose other fields the caller reads. Throws InvalidInputError. */
export function parseSubject(
  document: Fields,
  defaultNamespace: string | null,
): { readonly metadata: Fields; readonly subject: DocumentSubject } {
  const { report } = document
  const metadata = document.object('metadata') ?? document.fail('metadata', 'is missing')
  metadata.ignore(...SERVER_SET)
  const name = metadata.required('name')
  const given = metadata.string('namespace') || defaultNamespace
  const namespace = report.checked(() => namespaceOf(given, name))
  report.checked(() => checkNamespace(namespace, 'metadata.namespace'))
  report.checked(() => checkStreamName(namespace, name, 'metadata.name'))
  const uid = metadata.string('uid') || null
  const resourceVersion = metadata.string('resourceVersion') || null
  return { metadata, subject: { namespace, name, uid, resourceVersion, report } }
}

/**
 * Returns the namespace of a document; `default` if it is left out. Throws InvalidInputError for a nested name without a
 * namespace: the name of a document never contains the namespace, as in OpenShift.
 */
function namespaceOf(namespace: string | null, name: string): string {
  if (namespace !== null) return namespace
  const [, first, rest] = /^([^/]+)\/(.+)$/s.exec(name.slice(0, 300)) ?? []
  if (first === undefined) return DEFAULT_NAMESPACE
  throw new InvalidInputError(
    'metadata.namespace',
    `"${name.slice(0, 300)}" has a slash, and such a name needs its namespace: for the repository ${first}/${rest} give the namespace "${first}" and the name "${rest}"`,
  )
}
