import type { ObjectReferenceInput, SpecTag } from '../imagestream/spec/spec.ts'
import { MAX_REPOSITORY_LENGTH } from '../oci/reference.ts'
import { formatRepositoryName } from '../oci/repository-name.ts'
import type { StreamName } from '../oci/stream-name.ts'
import { type Path, pathText, quote } from './source.ts'

/** A name in a document that is valid here and that an OpenShift cluster refuses. */
interface RefusedName {
  readonly path: Path
  readonly message: string
}

/** The names in a document; `sources` has the source of each spec tag. */
export interface DocumentNames extends StreamName {
  readonly sources: readonly (Pick<ObjectReferenceInput, 'kind' | 'name' | 'namespace'> | null | undefined)[]
}

/** Source: Kubernetes, names of namespaces (RFC 1123 label). */
const CLUSTER_NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
/** Source: openshift-apiserver, validation of image streams. */
const CLUSTER_NAME = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/

/** Returns the names in a document of a stream that a cluster refuses. */
export function namesRefusedByClusters({ namespace, name, sources }: DocumentNames): RefusedName[] {
  const refused = (path: Path, text: string, rule: string): RefusedName[] => [
    { path, message: `an OpenShift cluster refuses ${quote(text)}: ${rule}` },
  ]
  const ofNamespace = (path: Path, text: string): RefusedName[] =>
    CLUSTER_NAMESPACE.test(text)
      ? []
      : refused(path, text, 'there a namespace is 1 to 63 lowercase letters, digits and dashes')
  const ofName = (path: Path, text: string): RefusedName[] =>
    CLUSTER_NAME.test(text)
      ? []
      : refused(
          path,
          text,
          'there a name has no slash, and single ".", "_" and "-" between letters and digits',
        )
  const path = formatRepositoryName({ namespace, name })
  return [
    ...ofNamespace(['metadata', 'namespace'], namespace),
    ...ofName(['metadata', 'name'], name),
    ...(path.length > MAX_REPOSITORY_LENGTH
      ? refused(
          ['metadata', 'name'],
          name,
          `there namespace/name has at most ${MAX_REPOSITORY_LENGTH} characters`,
        )
      : []),
    ...sources.flatMap((from, at) => {
      const [stream] = /^[^:@]+(?=[:@])/.exec(from?.name ?? '') ?? []
      if (!from || from.kind === 'DockerImage') return []
      const place = ['spec', 'tags', at, 'from']
      return [
        ...(from.namespace ? ofNamespace([...place, 'namespace'], from.namespace) : []),
        ...(stream === undefined ? [] : ofName([...place, 'name'], stream)),
      ]
    }),
  ]
}

/** Returns the warnings of an exported stream, each with its path in the document. */
export const exportWarnings = (stream: StreamName, specTags: readonly SpecTag[]): string[] =>
  namesRefusedByClusters({
    ...stream,
    sources: specTags.map(
      ({ fromKind, fromName, fromNamespace }) =>
        fromKind && { kind: fromKind, name: fromName ?? '', namespace: fromNamespace },
    ),
  }).map(({ path, message }) => `${pathText(path)}: ${message}`)
