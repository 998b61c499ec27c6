import { requireRight, type Viewer } from '../../access/right/viewer.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { Spec } from './spec.ts'
import type { SpecDifference } from './spec-difference.ts'
import { streamImageOf, streamTagOf, type TagSource } from './tag-source.ts'

/**
 * Throws unless the viewer may write these changes of a spec: `tag` for spec tags, `import` for sources in registries,
 * `configure` for policies, and `pull` in the other streams whose images the tags get. Throws as `requireRight`.
 */
export function requireSources(
  viewer: Viewer,
  home: StreamName,
  { dockerImageRepository }: Pick<Spec, 'dockerImageRepository'>,
  { repository, changed }: Pick<SpecDifference, 'repository' | 'changed'>,
): void {
  if (changed.length > 0) requireRight(viewer, 'tag', home)
  const isImported = changed.some(([, { fromKind }]) => fromKind === 'DockerImage')
  if (isImported || (repository && dockerImageRepository !== null)) requireRight(viewer, 'import', home)
  if (changed.some(([, { policy }]) => policy !== null)) requireRight(viewer, 'configure', home)
  for (const [, tag] of changed) requireSource(viewer, home, tag)
}

/** Throws unless the viewer may pull from the other stream that the source names, as `requireRight`. */
export function requireSource(viewer: Viewer, home: StreamName, tag: TagSource): void {
  const source = foreignSource(home, tag)
  if (source) requireRight(viewer, 'pull', source)
}

/** Returns the other stream that the source names; undefined for another kind of source and for the spec's own stream. */
function foreignSource(home: StreamName, tag: TagSource): StreamName | undefined {
  const named = streamTagOf(home, tag) ?? streamImageOf(home, tag)
  const isOwn = !named || (named.namespace === home.namespace && named.stream === home.name)
  return isOwn ? undefined : { namespace: named.namespace, name: named.stream }
}
