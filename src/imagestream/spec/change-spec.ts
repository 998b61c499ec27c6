import { InvalidInputError, quoted } from '../../input/errors.ts'
import { writeKeyValues } from '../../input/key-values.ts'
import { checkReference, checkRepository, checkTagName } from '../../input/names.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImportMode } from '../image/fetch-image.ts'
import {
  flag,
  type ImportPolicyInput,
  type ObjectReferenceInput,
  type Spec,
  type SpecInput,
  type SpecTagContent,
  type SpecTagInput,
} from './spec.ts'
import { checkPolicySource, policyText, withoutPolicy } from './spec-policy.ts'
import { withTags } from './spec-tags.ts'
import { checkSchedulable, streamSource } from './tag-source.ts'

const policyColumns = (policy: ImportPolicyInput | null | undefined, importMode: ImportMode) => ({
  insecure: flag(policy?.insecure ?? false),
  scheduled: flag(policy?.scheduled ?? false),
  importMode: policy?.importMode ?? importMode,
})

/** Returns the spec of a stream without any fields set. */
export const emptySpec = (importMode: ImportMode): Spec => ({
  dockerImageRepository: null,
  ...policyColumns(null, importMode),
  lookupLocal: 0,
  tags: new Map(),
})

/** Returns a changed copy of the spec. Throws InvalidInputError. */
export function changeSpec(spec: Spec, input: SpecInput, importMode: ImportMode): Spec {
  const { dockerImageRepository, importPolicy, lookupPolicy, tags } = input
  return {
    ...spec,
    ...(dockerImageRepository !== undefined && {
      dockerImageRepository:
        dockerImageRepository === null
          ? null
          : checkRepository(dockerImageRepository, 'spec.dockerImageRepository'),
    }),
    ...(importPolicy !== undefined && policyColumns(importPolicy, importMode)),
    ...(lookupPolicy !== undefined && { lookupLocal: flag(lookupPolicy?.local ?? false) }),
    ...(tags !== undefined && { tags: specTagsOf(tags ?? [], importMode) }),
  }
}

/** Single spec tags to set and to remove. */
export interface SpecTagsChange {
  readonly setTags?: readonly SpecTagInput[] | null | undefined
  readonly removeTags?: readonly string[] | null | undefined
}

/** Returns a copy of the spec with single spec tags set and removed. Throws InvalidInputError. */
export function changeSpecTags(
  spec: Spec,
  { setTags, removeTags }: SpecTagsChange,
  importMode: ImportMode,
): Spec {
  const set = specTagsOf(setTags ?? [], importMode, 'setTags')
  const changes = new Map<TagName, SpecTagContent | null>()
  for (const [at, tag] of (removeTags ?? []).entries()) {
    const field = `removeTags.${at}`
    const name = checkTagName(tag, field)
    if (set.has(name)) throw new InvalidInputError(field, `the tag "${name}" is in setTags too`)
    if (changes.has(name) || !spec.tags.has(name)) {
      throw new InvalidInputError(field, `the spec has no tag ${quoted(name)}`)
    }
    changes.set(name, null)
  }
  for (const [name, content] of set) changes.set(name, content)
  return { ...spec, tags: withTags(spec.tags, changes) }
}

function specTagsOf(
  inputs: readonly SpecTagInput[],
  importMode: ImportMode,
  list = 'spec.tags',
): ReadonlyMap<TagName, SpecTagContent> {
  const tags = new Map<TagName, SpecTagContent>()
  for (const [at, input] of inputs.entries()) {
    const field = `${list}.${at}`
    const name = checkTagName(input.name, `${field}.name`)
    if (tags.has(name)) throw new InvalidInputError(`${field}.name`, `the tag "${name}" appears twice`)
    tags.set(name, specTagContent(input, field, importMode))
  }
  return tags
}

const checkedSource = (
  from: ObjectReferenceInput,
  isRanked: boolean,
  field: string,
): ObjectReferenceInput => {
  if (from.kind !== 'DockerImage') return streamSource(from, field)
  if (isRanked) checkRepository(from.name, `${field}.name`)
  else checkReference(from.name, `${field}.name`)
  return from
}

function specTagContent(input: SpecTagInput, field: string, importMode: ImportMode): SpecTagContent {
  const { annotations, policy } = input
  if (policy) checkPolicySource(input, field)
  const from = input.from && checkedSource(input.from, policy != null, `${field}.from`)
  if (from && input.importPolicy?.scheduled) checkSchedulable(from, `${field}.importPolicy.scheduled`)
  if (input.reference && !from) {
    throw new InvalidInputError(`${field}.reference`, 'reference: true requires "from"')
  }
  return {
    annotations: writeKeyValues(withoutPolicy(annotations ?? [], field), `${field}.annotations`),
    fromKind: from?.kind ?? null,
    fromName: from?.name ?? null,
    fromNamespace: from?.namespace ?? null,
    policy: policy ? policyText(policy, `${field}.policy`) : null,
    reference: flag(input.reference),
    ...policyColumns(input.importPolicy, importMode),
    referencePolicy: input.referencePolicy?.type ?? 'Source',
  }
}
