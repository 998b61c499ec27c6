import { InvalidInputError } from '../../input/errors.ts'
import { checkReference } from '../../input/names.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ObjectReferenceInput } from '../spec/spec.ts'
import { checkStreamSource } from '../spec/tag-source.ts'
import { checkTagInput, type ImportOptionsInput, type TagInput } from './write-target.ts'

/** Input of `tagImage`, with the options of `oc tag`. Null stands for undefined: the field is not set. */
export interface TagImageInput extends TagInput, ImportOptionsInput {
  readonly from: ObjectReferenceInput
  /** Follows the source tag; otherwise its image is copied once. */
  readonly alias: boolean
  /** Passes `from` on as it is: nothing is imported or followed. */
  readonly reference: boolean
}

/** Returns the tag's name. Throws InvalidInputError for invalid fields, and for options without effect. */
export function checkTagImage(input: TagImageInput): TagName {
  const tag = checkTagInput(input)
  checkSource(input)
  return tag
}

/** Options for the import of an image from a registry. */
export const IMPORT_OPTIONS = ['scheduled', 'insecure', 'importMode'] as const

function checkSource(input: TagImageInput): void {
  const { from, alias, reference } = input
  if (alias && from.kind !== 'ImageStreamTag') {
    throw new InvalidInputError(
      'alias',
      `alias: true follows a tag: from.kind must be ImageStreamTag, and a ${from.kind} never moves`,
    )
  }
  if (alias && reference) {
    throw new InvalidInputError(
      'reference',
      'give either alias: true, which follows the tag, or reference: true, which does not',
    )
  }
  if (from.kind === 'DockerImage') checkRegistrySource(input)
  else {
    checkStreamSource(from, 'from')
    refuse(input, IMPORT_OPTIONS, `is for an image that is imported from a registry, not for ${from.kind}`)
  }
}

function checkRegistrySource({ from, ...input }: TagImageInput): void {
  if (from.namespace != null) {
    throw new InvalidInputError(
      'from.namespace',
      'a DockerImage has no namespace: write the whole reference in from.name',
    )
  }
  const { digest } = checkReference(from.name, 'from.name')
  if (input.reference) {
    refuse(
      input,
      [...IMPORT_OPTIONS, 'referencePolicy'],
      'has no effect with reference: true, which passes the pull spec on as it is',
    )
  }
  if (input.scheduled && digest) {
    throw new InvalidInputError(
      'scheduled',
      `"${from.name}" names one image by digest: only a tag can be imported periodically`,
    )
  }
}

type Option = (typeof IMPORT_OPTIONS)[number] | 'referencePolicy'

function refuse(input: Pick<TagImageInput, Option>, options: readonly Option[], why: string): void {
  for (const option of options) {
    const value = input[option]
    if (value != null && value !== false) throw new InvalidInputError(option, `${option} ${why}`)
  }
}
