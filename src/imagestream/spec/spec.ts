import type { imageStreams, specTags } from '../../db/tables/index.ts'
import type { KeyValue } from '../../input/key-values.ts'
import { parseReference } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { TagPolicyInput } from '../../policy/policy.ts'
import type { ImportMode } from '../image/fetch-image.ts'
import type { SpecTags } from './spec-tags.ts'

// the registry is derived from the source for searches, and not read
export type ImageStream = Omit<typeof imageStreams.$inferSelect, 'registry'>
export type SpecTag = Omit<typeof specTags.$inferSelect, 'registry' | 'position'>

/** The desired state of a stream, as it is stored; tags by name, in the order of the input. */
export type Spec = Pick<
  ImageStream,
  'dockerImageRepository' | 'insecure' | 'scheduled' | 'importMode' | 'lookupLocal'
> & { readonly tags: SpecTags<SpecTagContent> }
/** The desired state of one tag; the tag that it follows is derived when it is written. */
export type SpecTagContent = Omit<
  SpecTag,
  'streamId' | 'name' | 'generation' | 'writtenBy' | keyof typeof FOLLOWS_NONE
>

/** A spec tag with its name. */
export type NamedSpecTag = readonly [TagName, SpecTagContent]

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
  /** Chooses a tag of the repository that `from` names, or of the stream itself without `from`. */
  readonly policy?: TagPolicyInput | null | undefined
  readonly reference: boolean
  readonly importPolicy?: ImportPolicyInput | null | undefined
  readonly referencePolicy?: { readonly type: 'Source' | 'Local' } | null | undefined
}

/** A change of a spec: undefined fields stay, null clears, `tags` replaces all spec tags. */
export interface SpecInput {
  readonly dockerImageRepository?: string | null | undefined
  readonly importPolicy?: ImportPolicyInput | null | undefined
  readonly lookupPolicy?: { readonly local: boolean } | null | undefined
  readonly tags?: readonly SpecTagInput[] | null | undefined
}

/** Returns a boolean as SQLite stores it. */
export const flag = (value: boolean): 0 | 1 => (value ? 1 : 0)

/** The columns of a spec tag that follows no other tag. */
export const FOLLOWS_NONE = { followsNamespace: null, followsStream: null, followsTag: null } as const

/** Reports whether an import reads this spec tag from a registry; with a policy, the tag that the policy chooses. */
export const isImportable = ({ fromKind, reference }: Pick<SpecTag, 'fromKind' | 'reference'>): boolean =>
  fromKind === 'DockerImage' && !reference

/** Returns the registry of the stream's repository, or else the first one that an import of these spec tags reads; empty for none. */
export function registryOf(
  { dockerImageRepository }: ImageStream,
  specTags: () => readonly SpecTag[],
): string {
  const name = dockerImageRepository ?? specTags().find(isImportable)?.fromName
  return name ? parseReference(name).registry : ''
}
