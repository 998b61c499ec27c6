import { requireInNamespace, requireRight, type Viewer } from '../../access/right/viewer.ts'
import { parseReference } from '../../oci/reference.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { SpecTagContent } from './spec.ts'
import type { Sources } from './spec-admission.ts'
import { isSameSource, type SpecDifference } from './spec-difference.ts'
import { streamImageOf, streamTagOf, type TagSource } from './tag-source.ts'

/**
 * Throws unless the viewer may write these changes of a spec: `tag` for spec tags, `import` for sources in registries,
 * `configure` for policies, `pull` in the other streams that become sources of tags, and `credentials` in the namespace for new
 * insecure sources, because any server in between may receive its credentials. Throws as `requireRight`.
 */
export function requireSources(
  viewer: Viewer,
  home: StreamName,
  { before, after }: { readonly before: Sources; readonly after: Sources },
  { repository, changed }: Pick<SpecDifference, 'repository' | 'changed'>,
): void {
  if (changed.length > 0) requireRight(viewer, 'tag', home)
  const isImported = changed.some(([, { fromKind }]) => fromKind === 'DockerImage')
  if (isImported || (repository && after.dockerImageRepository !== null)) requireRight(viewer, 'import', home)
  if (changed.some(([, { policy }]) => policy !== null)) requireRight(viewer, 'configure', home)
  for (const [name, tag] of changed)
    if (!isSameSource(before.tags.get(name), tag)) requireSource(viewer, home, tag)
  const isInsecure =
    (repository && isNewlyInsecure(ofRepository(before), ofRepository(after))) ||
    changed.some(([name, tag]) => tag.insecure && isNewlyInsecure(ofTag(before.tags.get(name)), ofTag(tag)))
  if (isInsecure) requireInNamespace(viewer, 'credentials', home.namespace)
}

/** A source in a registry; null for none. */
interface RegistrySource {
  readonly name: string | null
  readonly insecure: number
}

const ofRepository = ({ dockerImageRepository: name, insecure }: Sources): RegistrySource => ({
  name,
  insecure,
})

const ofTag = (tag: SpecTagContent | undefined): RegistrySource =>
  tag?.fromKind === 'DockerImage'
    ? { name: tag.fromName, insecure: tag.insecure }
    : { name: null, insecure: 0 }

/** Reports whether the source is read without verification of its server, and one of the same registry was not before. */
function isNewlyInsecure(before: RegistrySource, { name, insecure }: RegistrySource): boolean {
  if (!insecure || name === null) return false
  if (!before.insecure || before.name === null) return true
  return parseReference(before.name).registry !== parseReference(name).registry
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
