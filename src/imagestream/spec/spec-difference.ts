import type { TagName } from '../../oci/tag.ts'
import type { Spec, SpecTagContent } from './spec.ts'

export type NamedSpecTag = readonly [TagName, SpecTagContent]

/** Difference between two specs of a stream. */
export interface SpecDifference {
  /** Whether the repository, or how it is imported, changed. */
  readonly repository: boolean
  /** Spec tags that were added or changed. */
  readonly changed: readonly NamedSpecTag[]
  readonly removed: readonly TagName[]
  /** Whether the list of tag names or its order changed. */
  readonly isRearranged: boolean
  readonly isEmpty: boolean
}

// the schedule is not among them: it does not change the images of the repository's tags
const REPOSITORY_FIELDS = ['dockerImageRepository', 'insecure', 'importMode'] as const

export function specDifference(old: Spec, spec: Spec): SpecDifference {
  const repository = REPOSITORY_FIELDS.some((field) => old[field] !== spec[field])
  const changed = [...spec.tags].filter(([name, tag]) => !isSameTag(old.tags.get(name), tag))
  const removed = [...old.tags.keys()].filter((name) => !spec.tags.has(name))
  const isRearranged = !isSameList([...old.tags.keys()], [...spec.tags.keys()])
  const isEmpty =
    !repository &&
    old.scheduled === spec.scheduled &&
    old.lookupLocal === spec.lookupLocal &&
    !isRearranged &&
    changed.length === 0
  return { repository, changed, removed, isRearranged, isEmpty }
}

/** The columns of a spec tag's content. */
export const SPEC_TAG_FIELDS = [
  'annotations',
  'fromKind',
  'fromName',
  'fromNamespace',
  'policy',
  'reference',
  'insecure',
  'scheduled',
  'importMode',
  'referencePolicy',
] as const satisfies readonly (keyof SpecTagContent)[]

const isSameTag = (old: SpecTagContent | undefined, tag: SpecTagContent): boolean =>
  old !== undefined && SPEC_TAG_FIELDS.every((field) => old[field] === tag[field])

const isSameList = (old: readonly TagName[], names: readonly TagName[]): boolean =>
  old.length === names.length && old.every((name, at) => name === names[at])
