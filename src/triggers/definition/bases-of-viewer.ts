import { principalOf, requireInNamespace, type Viewer } from '../../access/right/viewer.ts'
import { namespaceOfBases } from './base-pattern.ts'
import { newReading } from './bases-reading.ts'

/** Returns the columns of a new source; `head` is the number of the newest entry of the change log. Throws ForbiddenError, UnauthenticatedError where the viewer can pull no base. */
export function ofViewer<Source extends { readonly bases: string | null }>(
  viewer: Viewer,
  source: Source,
  namespace: string,
  head: number,
) {
  if (source.bases === null) return { ...source, basesNamedBy: null, basesReadFrom: null }
  const ofBases = namespaceOfBases(source.bases)
  const mayPull = ofBases === '*' || ofBases === namespace || viewer.rights.mayInPartOf('pull', ofBases)
  if (!mayPull) requireInNamespace(viewer, 'pull', ofBases)
  return { ...source, basesNamedBy: principalOf(viewer), basesReadFrom: newReading(head) }
}
