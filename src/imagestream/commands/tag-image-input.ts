import { checkReference } from '../../input/check-reference.ts'
import { InvalidInputError } from '../../input/errors.ts'
import { checkNamespace, checkStreamName, checkTagName } from '../../input/names.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImportMode } from '../image/fetch-image.ts'
import type { ObjectReferenceInput } from '../spec/spec.ts'
import { checkStreamSource } from '../spec/tag-source.ts'

/** What `oc tag` asks; null and undefined mean that nothing is said. */
export interface TagImage {
  readonly namespace: string
  readonly imageStream: string
  readonly tag: string
  readonly from: ObjectReferenceInput
  /** Follows the source tag from now on; otherwise what it means now is copied. */
  readonly alias: boolean
  /** Passes `from` on as it is: nothing is imported, nothing followed. */
  readonly reference: boolean
  readonly scheduled: boolean
  readonly insecure: boolean
  readonly importMode?: ImportMode | null | undefined
  readonly referencePolicy?: 'Source' | 'Local' | null | undefined
  readonly resourceVersion?: string | null | undefined
}

/** Throws InvalidInputError for what cannot be, and for what would have no effect. Returns the tag's name. */
export function checkTagImage(input: TagImage): TagName {
  checkNamespace(input.namespace)
  checkStreamName(input.namespace, input.imageStream, 'imageStream')
  const tag = checkTagName(input.tag)
  checkSource(input)
  return tag
}

/** Options of an import: they say how a registry is asked. */
const IMPORT_OPTIONS = ['scheduled', 'insecure', 'importMode'] as const

function checkSource(input: TagImage): void {
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
      'alias: true follows the tag, and reference: true does not: give one',
    )
  }
  if (from.kind === 'DockerImage') checkRegistrySource(input)
  else {
    checkStreamSource(from, 'from')
    refuse(input, IMPORT_OPTIONS, `is for an image that is imported from a registry, not for ${from.kind}`)
  }
}

function checkRegistrySource({ from, ...input }: TagImage): void {
  if (from.namespace != null) {
    throw new InvalidInputError(
      'from.namespace',
      'a DockerImage has no namespace of its own: write all of it in from.name',
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
      `"${from.name}" names one image for good: only a tag can be imported again and again`,
    )
  }
}

type Option = (typeof IMPORT_OPTIONS)[number] | 'referencePolicy'

function refuse(input: Pick<TagImage, Option>, options: readonly Option[], why: string): void {
  for (const option of options) {
    const value = input[option]
    if (value != null && value !== false) throw new InvalidInputError(option, `${option} ${why}`)
  }
}
