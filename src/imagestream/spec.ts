import type { imageStreams, specTags } from '../db/tables.ts'
import { InvalidReferenceError, parseReference, type Reference } from '../oci/reference.ts'
import type { TagName } from '../oci/tag.ts'
import type { TagPolicyInput } from '../policy/policy.ts'
import { InvalidInputError } from './errors.ts'
import type { ImportMode } from './fetch-image.ts'
import { type KeyValue, writeKeyValues } from './key-values.ts'
import { checkTagName } from './names.ts'
import { checkPolicySource, policyText, withoutPolicy } from './spec-policy.ts'
import { checkStreamSource } from './tag-source.ts'

// the registry follows from the source: it is written beside it to be found by, and not read
export type ImageStream = Omit<typeof imageStreams.$inferSelect, 'registry'>
export type SpecTag = Omit<typeof specTags.$inferSelect, 'registry' | 'position'>

/** What is wanted of a stream, as it is stored; tags by name, in the order in which they were given. */
export type Spec = Pick<
  ImageStream,
  'dockerImageRepository' | 'insecure' | 'scheduled' | 'importMode' | 'lookupLocal'
> & { readonly tags: ReadonlyMap<TagName, SpecTagContent> }
/** What is wanted of one tag; which tag it follows is worked out where it is written. */
export type SpecTagContent = Omit<SpecTag, 'streamId' | 'name' | 'generation' | keyof typeof FOLLOWS_NONE>

export interface ImportPolicyInput {
  readonly insecure: boolean
  readonly scheduled: boolean
  readonly importMode: ImportMode
}

export interface ObjectReferenceInput {
  readonly kind: 'DockerImage' | 'ImageStreamTag' | 'ImageStreamImage'
  readonly name: string
  readonly namespace?: string | null | undefined
}

export interface SpecTagInput {
  readonly name: string
  readonly annotations?: readonly KeyValue[] | null | undefined
  readonly from?: ObjectReferenceInput | null | undefined
  /** Chooses a tag of the repository that `from` names, or without `from` of the stream itself. */
  readonly policy?: TagPolicyInput | null | undefined
  readonly reference: boolean
  readonly importPolicy?: ImportPolicyInput | null | undefined
  readonly referencePolicy?: { readonly type: 'Source' | 'Local' } | null | undefined
}

/** A change of spec: what is undefined stays as it is, null clears; `tags` replaces them all. */
export interface SpecInput {
  readonly dockerImageRepository?: string | null | undefined
  readonly importPolicy?: ImportPolicyInput | null | undefined
  readonly lookupPolicy?: { readonly local: boolean } | null | undefined
  readonly tags?: readonly SpecTagInput[] | null | undefined
}

export const flag = (value: boolean): 0 | 1 => (value ? 1 : 0)

const policyColumns = (policy: ImportPolicyInput | null | undefined, importMode: ImportMode) => ({
  insecure: flag(policy?.insecure ?? false),
  scheduled: flag(policy?.scheduled ?? false),
  importMode: policy?.importMode ?? importMode,
})

/** The spec of a stream of which nothing is said. */
export const emptySpec = (importMode: ImportMode): Spec => ({
  dockerImageRepository: null,
  ...policyColumns(null, importMode),
  lookupLocal: 0,
  tags: new Map(),
})

/** The spec with a change made. Throws InvalidInputError and leaves the old one alone. */
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

/** Throws InvalidInputError where the text is no reference of a whole repository. Returns it as it was written. */
export function checkRepository(text: string, field: string): string {
  const { tag, digest } = checkReference(text, field)
  // parsing fills in `latest`, so a tag that was written shows in the text
  if (digest !== null || (tag !== null && text.endsWith(`:${tag}`))) {
    throw new InvalidInputError(
      field,
      `"${text}" names one image: leave out the tag and digest to mean the repository`,
    )
  }
  return text
}

/** Throws InvalidInputError. */
export function checkReference(text: string, field: string): Reference {
  try {
    return parseReference(text)
  } catch (error) {
    if (error instanceof InvalidReferenceError)
      throw new InvalidInputError(field, error.message, { cause: error })
    throw error
  }
}

function specTagsOf(inputs: readonly SpecTagInput[], importMode: ImportMode): Map<TagName, SpecTagContent> {
  const tags = new Map<TagName, SpecTagContent>()
  for (const [at, input] of inputs.entries()) {
    const field = `spec.tags.${at}`
    const name = checkTagName(input.name, `${field}.name`)
    if (tags.has(name)) throw new InvalidInputError(`${field}.name`, `the tag "${name}" is there twice`)
    tags.set(name, specTagContent(input, field, importMode))
  }
  return tags
}

/** The columns of a spec tag that follows no other tag. */
export const FOLLOWS_NONE = { followsNamespace: null, followsStream: null, followsTag: null } as const

function specTagContent(input: SpecTagInput, field: string, importMode: ImportMode): SpecTagContent {
  const { annotations, from, policy } = input
  if (policy) checkPolicySource(input, field)
  if (from?.kind === 'DockerImage')
    (policy ? checkRepository : checkReference)(from.name, `${field}.from.name`)
  else if (from) checkStreamSource(from, `${field}.from`)
  if (input.reference && !from) {
    throw new InvalidInputError(`${field}.reference`, 'reference: true needs a "from" to refer to')
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

/** Whether an import has something to do for this spec tag: with a policy, for the tag that it chooses. */
export const isImportable = ({ fromKind, reference }: Pick<SpecTag, 'fromKind' | 'reference'>): boolean =>
  fromKind === 'DockerImage' && !reference
