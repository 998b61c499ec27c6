import { onTag } from '../../access/audit/audit-entry.ts'
import { requireRight, type Viewer } from '../../access/right/viewer.ts'
import type { Transaction } from '../../db/transact.ts'
import { InvalidInputError, NotFoundError } from '../../input/errors.ts'
import type { StreamName } from '../../oci/stream-name.ts'
import type { TagName } from '../../oci/tag.ts'
import { requireSource } from '../spec/source-rights.ts'
import { flag, isImportable, type ObjectReferenceInput, type SpecTagContent } from '../spec/spec.ts'
import { withTag } from '../spec/spec-tags.ts'
import {
  checkSchedulable,
  formatStreamTag,
  isFromStream,
  registrySource,
  type StreamImage,
  type StreamTag,
  streamImageOf,
  streamSource,
  streamTagOf,
  type TagSource,
} from '../spec/tag-source.ts'
import type { Following } from '../stream/follow.ts'
import { importOfTag } from './import-image-plan.ts'
import {
  type CommandDependencies,
  checkTagInput,
  type ImportOptionsInput,
  importColumns,
  readTarget,
  type TagInput,
  writeTarget,
} from './write-target.ts'

/** Input of `tagImage`, with the options of `oc tag`. Null stands for undefined: the field is not set. */
export interface TagImageInput extends TagInput, ImportOptionsInput {
  readonly from: ObjectReferenceInput
  /** Follows the source tag; otherwise its image is copied once. */
  readonly alias: boolean
  /** Passes `from` on as it is: nothing is imported or followed. */
  readonly reference: boolean
}

/** Options for the import of an image from a registry. */
export const IMPORT_OPTIONS = ['scheduled', 'insecure', 'importMode'] as const

export interface TaggedImage {
  readonly streamId: number
  readonly tag: TagName
  /** The import that was requested; null where the image does not come from a registry. */
  readonly importId: number | null
}

/** The command that sets a tag through the spec, as `oc tag` does, so that the source stays known. */
export type Tagging = ReturnType<typeof createTagging>

export function createTagging(dependencies: CommandDependencies) {
  const { db, audit, writer, importer, following, importMode } = dependencies
  const fieldOf = (): string => 'from.name'

  const setSource = (tx: Transaction, viewer: Viewer, given: TagImageInput): TaggedImage => {
    const { namespace, imageStream: name, resourceVersion } = given
    requireRight(viewer, 'tag', { namespace, name })
    const tag = checkTagInput(given)
    const input = { ...given, from: checkedSource(given) }
    const target = readTarget(dependencies, viewer, { namespace, name, resourceVersion })
    const old = target.spec
    const content: SpecTagContent = {
      ...sourceOf(viewer, target, input, following),
      policy: null,
      ...importColumns(input, old.tags.get(tag), importMode),
    }
    const spec = { ...old, tags: withTag(old.tags, tag, content) }
    const { stream } = writeTarget(tx, viewer, { writer, target }, { spec, fieldOf })
    // an unchanged spec was not written, and the tag may have moved since
    following.setWriter(tx, viewer, stream, tag)
    if (isFromStream(content)) following.copySources(tx, viewer, { stream, tags: [tag], fieldOf })
    const importId = isImportable(content) ? importer.request(tx, stream.id, importOfTag(tag)) : null
    return { streamId: stream.id, tag, importId }
  }

  return {
    /**
     * Sets the source of a tag, and creates the stream where there is none. The tag gets the image of a source in a stream
     * at once, also where another image was pushed to it after the same call before. Throws InvalidInputError; NotFoundError
     * where the source has no image; ConflictError where the source matches several images, or the resource version is not
     * the newest.
     */
    tagImage: (viewer: Viewer, input: TagImageInput): TaggedImage =>
      db.transact((tx) => {
        const tagged = setSource(tx, viewer, input)
        const { kind, name } = input.from
        audit.record(tx, viewer, onTag('tagImage', input, { from: `${kind} ${name}`, alias: input.alias }))
        return tagged
      }),
    setSource,
  }
}

/** Returns the source for the spec tag: for a copy, the source's image now, by its whole digest. */
function sourceOf(viewer: Viewer, home: StreamName, input: TagImageInput, following: Following): TagSource {
  const { kind, name, namespace: fromNamespace = null } = input.from
  const source = { fromKind: kind, fromName: name, fromNamespace, reference: flag(input.reference) }
  requireSource(viewer, home, source)
  if (kind === 'DockerImage' || input.alias || (kind === 'ImageStreamTag' && input.reference)) return source
  const named = streamTagOf(home, source) ?? streamImageOf(home, source)
  const image = following.sourceImage(home, source)
  if (!named || !image) throw new NotFoundError(whyNoImage(named))
  const fromName = `${named.stream}@${image.digest}`
  // a nested name needs its namespace, also where the input left out both
  return {
    ...source,
    fromKind: 'ImageStreamImage',
    fromName,
    ...(fromName.includes('/') && { fromNamespace: named.namespace }),
  }
}

const whyNoImage = (named: StreamTag | StreamImage | undefined): string =>
  named && 'tag' in named
    ? `${formatStreamTag(named)} has no image to copy; alias: true waits for one`
    : `${named?.namespace}/${named?.stream} never had an image ${named?.digest}`

/** Returns the source. Throws InvalidInputError for an invalid one, and for options without effect. */
function checkedSource(input: TagImageInput): ObjectReferenceInput {
  const { from, alias, reference } = input
  if (alias && from.kind !== 'ImageStreamTag') {
    throw new InvalidInputError(
      'alias',
      `alias: true follows a tag: "from" must be a tag of a stream, because an image never moves`,
    )
  }
  if (alias && reference) {
    throw new InvalidInputError(
      'reference',
      'give either alias: true, which follows the tag, or reference: true, which does not',
    )
  }
  if (from.kind === 'DockerImage') {
    checkRegistrySource(input)
    return from
  }
  const source = streamSource(from, 'from')
  refuse(
    input,
    IMPORT_OPTIONS,
    `is for an image that is imported from a registry, not for a tag or an image of a stream`,
  )
  return source
}

function checkRegistrySource({ from, ...input }: TagImageInput): void {
  registrySource(from, 'from')
  if (input.reference) {
    refuse(
      input,
      [...IMPORT_OPTIONS, 'referencePolicy'],
      'has no effect with reference: true, which passes the pull spec on as it is',
    )
  }
  if (input.scheduled) checkSchedulable(from, 'scheduled')
}

type Option = (typeof IMPORT_OPTIONS)[number] | 'referencePolicy'

function refuse(input: Pick<TagImageInput, Option>, options: readonly Option[], why: string): void {
  for (const option of options) {
    const value = input[option]
    if (value != null && value !== false) throw new InvalidInputError(option, `${option} ${why}`)
  }
}
