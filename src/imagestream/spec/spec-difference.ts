import type { TagName } from '../../oci/tag.ts'
import type { NamedSpecTag, Spec, SpecTagContent } from './spec.ts'
import { changedNames, type SpecTags } from './spec-tags.ts'

/** Difference between two specs of a stream. */
export interface SpecDifference {
  /** Whether the repository, or how it is imported, changed. */
  readonly repository: boolean
  /** Spec tags that were added or changed. */
  readonly changed: readonly NamedSpecTag[]
  readonly removed: readonly TagName[]
  /** The names of all tags, where their order is not that of the old ones with the added ones behind them. */
  readonly order: readonly TagName[] | null
  readonly isEmpty: boolean
}

// the schedule is not among them: it does not change the images of the repository's tags
const REPOSITORY_FIELDS = ['dockerImageRepository', 'insecure', 'importMode'] as const

export function specDifference(old: Spec, spec: Spec): SpecDifference {
  const repository = REPOSITORY_FIELDS.some((field) => old[field] !== spec[field])
  const tags = tagDifference(old.tags, spec.tags)
  const isEmpty =
    !repository &&
    old.scheduled === spec.scheduled &&
    old.lookupLocal === spec.lookupLocal &&
    tags.order === null &&
    tags.removed.length + tags.changed.length === 0
  return { repository, ...tags, isEmpty }
}

function tagDifference(
  old: SpecTags<SpecTagContent>,
  tags: SpecTags<SpecTagContent>,
): Pick<SpecDifference, 'changed' | 'removed' | 'order'> {
  const names = changedNames(old, tags)
  const [before, after] = names ? [old, tags] : [new Map(old), new Map(tags)]
  const changed = [...(names ?? after.keys())].flatMap((name): NamedSpecTag[] => {
    const tag = after.get(name)
    return tag && !isSameTag(before.get(name), tag) ? [[name, tag]] : []
  })
  const removed = [...(names ?? before.keys())].filter((name) => before.has(name) && !after.has(name))
  if (names) return { changed, removed, order: null }
  const added = [...after.keys()].filter((name) => !before.has(name))
  const kept = [...before.keys()].filter((name) => after.has(name))
  const order = [...after.keys()]
  return { changed, removed, order: isSameList([...kept, ...added], order) ? null : order }
}

/** The columns of a spec tag that decide where its image comes from. */
export const SOURCE_FIELDS = ['fromKind', 'fromName', 'fromNamespace', 'policy', 'reference'] as const

/** The columns of a spec tag's content. */
export const SPEC_TAG_FIELDS = [
  ...SOURCE_FIELDS,
  'annotations',
  'insecure',
  'scheduled',
  'importMode',
  'referencePolicy',
] as const satisfies readonly (keyof SpecTagContent)[]

/** Reports whether the image comes from the same place as before. */
export const isSameSource = (
  old: SpecTagContent | undefined,
  tag: Pick<SpecTagContent, (typeof SOURCE_FIELDS)[number]>,
): boolean => old !== undefined && SOURCE_FIELDS.every((field) => old[field] === tag[field])

const isSameTag = (old: SpecTagContent | undefined, tag: SpecTagContent): boolean =>
  old !== undefined && SPEC_TAG_FIELDS.every((field) => old[field] === tag[field])

const isSameList = (old: readonly TagName[], names: readonly TagName[]): boolean =>
  old.length === names.length && old.every((name, at) => name === names[at])
