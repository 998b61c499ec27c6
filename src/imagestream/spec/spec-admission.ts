import { InvalidInputError } from '../../input/errors.ts'
import { parseReference, type Reference } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { NamedSpecTag, Spec } from './spec.ts'

/** Returns the rule that blocks imports from a repository, as `the configuration of quay.io blocks it`; null for none. */
export type BlockOf = (reference: Pick<Reference, 'registry' | 'repository'>) => string | null

/** Returns the field of a tag's source in the input, or of the repository for null. */
export type SourceField = (tag: TagName | null) => string

/** The part of a spec that decides which registries are read, and how. */
export type Sources = Pick<Spec, 'dockerImageRepository' | 'insecure' | 'tags'>

/** The sources of a stream that does not exist yet. */
export const NO_SOURCES: Sources = { dockerImageRepository: null, insecure: 0, tags: new Map() }

/**
 * Throws InvalidInputError for a new source, of the repository or of one of the changed tags, that is blocked. Sources that the spec had before may stay: otherwise clients
 * could not change the rest of the spec, or remove the source, once its registry is blocked.
 * Source: OpenShift, validation of image streams against allowedRegistriesForImport.
 */
export function checkSources(
  blockOf: BlockOf,
  { before, after }: { readonly before: Sources; readonly after: Sources },
  changed: readonly NamedSpecTag[],
  fieldOf: SourceField,
): void {
  const check = (name: string, { isKnown, field }: { isKnown: () => boolean; field: () => string }): void => {
    const blockedBy = blockOf(parseReference(name))
    if (blockedBy === null || isKnown()) return
    throw new InvalidInputError(field(), `"${name}" may not be imported: ${blockedBy}`)
  }
  const { dockerImageRepository } = after
  if (dockerImageRepository !== null && dockerImageRepository !== before.dockerImageRepository) {
    check(dockerImageRepository, { isKnown: () => false, field: () => fieldOf(null) })
  }
  let known: ReadonlySet<string | null> | undefined
  for (const [tag, { fromKind, fromName }] of changed) {
    if (fromKind !== 'DockerImage' || fromName === null) continue
    const isKnown = (): boolean => {
      known ??= new Set([...before.tags].map(([, old]) => old.fromName))
      return known.has(fromName)
    }
    check(fromName, { isKnown, field: () => fieldOf(tag) })
  }
}
