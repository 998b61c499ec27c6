import type { imageStreams, specTags } from '../../db/tables/index.ts'
import type { KeyValue } from '../../input/key-values.ts'
import type { TagName } from '../../oci/tag.ts'
import type { TagPolicyInput } from '../../policy/policy.ts'
import type { ImportMode } from '../image/fetch-image.ts'

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

/** The columns of a spec tag that follows no other tag. */
export const FOLLOWS_NONE = { followsNamespace: null, followsStream: null, followsTag: null } as const

/** Whether an import has something to do for this spec tag: with a policy, for the tag that it chooses. */
export const isImportable = ({ fromKind, reference }: Pick<SpecTag, 'fromKind' | 'reference'>): boolean =>
  fromKind === 'DockerImage' && !reference
