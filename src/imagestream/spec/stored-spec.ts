import type { TagName } from '../../oci/tag.ts'
import type { Spec, SpecTagContent } from './spec.ts'
import { SPEC_TAG_FIELDS } from './spec-difference.ts'

/** The spec of a deleted stream as JSON text: its columns, and its tags in order. */
type StoredSpec = Omit<Spec, 'tags'> & { readonly tags: readonly (readonly [TagName, SpecTagContent])[] }

/** Returns the spec as JSON text. */
export const specText = ({ tags, ...columns }: Spec): string =>
  // without the columns that are derived when a tag is written
  JSON.stringify({ ...columns, tags: [...tags].map(([name, tag]) => [name, pick(tag, SPEC_TAG_FIELDS)]) })

/** Returns the spec of a text from `specText`. */
export function readSpec(text: string): Spec {
  const { tags, ...columns }: StoredSpec = JSON.parse(text)
  return { ...columns, tags: new Map(tags) }
}

const pick = (tag: SpecTagContent, fields: readonly (keyof SpecTagContent)[]) =>
  Object.fromEntries(fields.map((field) => [field, tag[field]]))

/** Returns the content of a spec tag from the JSON text that is stored when it is removed. */
export const readSpecTag = (text: string): SpecTagContent => JSON.parse(text)
