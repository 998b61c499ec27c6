import { InvalidInputError } from '../../input/errors.ts'
import { parseReference, type Reference } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Spec } from './spec.ts'

/** Which rule says that nothing is to be imported from there: `the configuration of quay.io blocks it`; null: none. */
export type BlockOf = (reference: Pick<Reference, 'registry' | 'repository'>) => string | null

type Sources = Pick<Spec, 'dockerImageRepository' | 'tags'>

/** The sources of a stream that is not there yet. */
export const NOTHING: Sources = { dockerImageRepository: null, tags: new Map() }

/**
 * Refuses a spec that names a registry from which nothing may be imported. What was in it before may stay: else nobody
 * could change the rest of it, or take the tag out, once its registry is blocked. Throws InvalidInputError.
 * Source: OpenShift, validation of image streams against allowedRegistriesForImport.
 */
export const admission =
  (blockOf: BlockOf = () => null) =>
  (before: Sources, spec: Sources, fieldOf: (tag: TagName) => string): void => {
    const refuse = (name: string, field: string): void => {
      const blockedBy = blockOf(parseReference(name))
      if (blockedBy === null) return
      throw new InvalidInputError(field, `"${name}" may not be imported: ${blockedBy}`)
    }
    const { dockerImageRepository } = spec
    if (dockerImageRepository !== null && dockerImageRepository !== before.dockerImageRepository) {
      refuse(dockerImageRepository, 'spec.dockerImageRepository')
    }
    const known = new Set([...before.tags.values()].map(({ fromName }) => fromName))
    for (const [tag, { fromKind, fromName }] of spec.tags) {
      if (fromKind === 'DockerImage' && fromName !== null && !known.has(fromName))
        refuse(fromName, fieldOf(tag))
    }
  }
