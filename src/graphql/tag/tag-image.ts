import type { Import } from '../../imagestream/request/import-rows.ts'
import type { ImageStream } from '../../imagestream/spec/spec.ts'
import type { Tag } from '../../imagestream/tag/tag.ts'
import { builder } from '../kit/builder.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { ImageStreamTagType, ImageStreamType, ImportType } from '../kit/object-types.ts'
import { tagOfStream } from './image-stream-tag.ts'
import { ImportModeEnum, TagReferencePolicyTypeEnum } from './tag-reference.ts'
import { ObjectReferenceInput } from './tag-reference-input.ts'

const TagImageInput = builder.inputType('TagImageInput', {
  description: 'A tag, and the image that it shall mean.',
  fields: (t) => ({
    namespace: t.string({ required: true, defaultValue: 'default', description: 'Namespace of the stream.' }),
    imageStream: t.string({
      required: true,
      description: 'Name of the stream, which is created where there is none.',
    }),
    tag: t.string({ required: true, description: 'The tag to set.' }),
    from: t.field({
      type: ObjectReferenceInput,
      required: true,
      description:
        'Where the image comes from: `app:v1` of this or another stream, one image of a history, or a registry.',
    }),
    alias: t.boolean({
      required: true,
      defaultValue: false,
      description:
        'Follows the source tag from now on, also one that is not there yet. Otherwise what it means now is copied, once.',
    }),
    reference: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Passes `from` on as it is: a pull spec is not imported, a tag is not followed.',
    }),
    scheduled: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Imports it again and again without being asked. Only for a `DockerImage` by tag.',
    }),
    insecure: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Accepts plain HTTP, or a certificate that does not verify. Only for a `DockerImage`.',
    }),
    importMode: t.field({
      type: ImportModeEnum,
      description: 'What to take of an image for several platforms. Only for a `DockerImage`.',
    }),
    referencePolicy: t.field({
      type: TagReferencePolicyTypeEnum,
      description: 'Which pull spec to give out; when left out, the one that the tag has already.',
    }),
    resourceVersion: t.string({
      description:
        'Refuses with `CONFLICT` unless this is still the stream’s newest version, or where there is no such stream.',
    }),
  }),
})

const UntagImageInput = builder.inputType('UntagImageInput', {
  description: 'A tag to remove.',
  fields: (t) => ({
    namespace: t.string({ required: true, defaultValue: 'default', description: 'Namespace of the stream.' }),
    imageStream: t.string({ required: true, description: 'Name of the stream.' }),
    tag: t.string({ required: true, description: 'The tag to remove.' }),
    resourceVersion: t.string({
      description: 'Refuses with `CONFLICT` unless this is still the stream’s newest version.',
    }),
  }),
})

const TagImagePayload = builder
  .objectRef<{ imageStreamTag: Tag; import: Import | null }>('TagImagePayload')
  .implement({
    description: 'The tag as it is now, and the import that this began.',
    fields: (t) => ({
      imageStreamTag: t.field({
        type: ImageStreamTagType,
        description:
          'The tag; from a registry it means what it meant before, until the import has its image.',
        resolve: (payload) => payload.imageStreamTag,
      }),
      import: t.field({
        type: ImportType,
        nullable: true,
        description: 'The import from a registry, to follow with `importProgressed`; null for other sources.',
        resolve: (payload) => payload.import,
      }),
    }),
  })

const UntagImagePayload = builder.objectRef<{ imageStream: ImageStream }>('UntagImagePayload').implement({
  description: 'The stream without the tag.',
  fields: (t) => ({
    imageStream: t.field({
      type: ImageStreamType,
      description: 'The stream.',
      resolve: ({ imageStream }) => imageStream,
    }),
  }),
})

/** As the write left it. */
const streamOf = (id: number, { streams }: GraphQLContext): ImageStream => {
  const stream = streams.byIds([id]).get(id)
  if (!stream) throw new Error(`the stream ${id} that was just written is not there`)
  return stream
}

builder.mutationFields((t) => ({
  tagImage: t.field({
    type: TagImagePayload,
    description:
      'Makes a tag mean an image, as `oc tag` does: what another tag means now, or from now on with `alias`; one image of a history; or what a registry has. `NOT_FOUND` when there is nothing to copy; `INVALID` when a tag would follow itself.',
    args: {
      input: t.arg({ type: TagImageInput, required: true, description: 'The tag and its image.' }),
    },
    resolve: (_mutation, { input }, context) => {
      const { streamId, tag, importId } = context.tagging.tagImage(input)
      const imageStreamTag = tagOfStream(streamOf(streamId, context), tag, context)
      if (!imageStreamTag) throw new Error(`the tag ${tag} that was just set is not there`)
      const begun = importId === null ? undefined : context.importer.byIds([importId]).get(importId)
      return { imageStreamTag, import: begun ?? null }
    },
  }),
  untagImage: t.field({
    type: UntagImagePayload,
    description:
      'Removes a tag with its history, from spec and status. Tags that followed it keep what they have. `NOT_FOUND` when there is no such tag.',
    args: { input: t.arg({ type: UntagImageInput, required: true, description: 'The tag to remove.' }) },
    resolve: (_mutation, { input }, context) => ({
      imageStream: streamOf(context.tagging.untagImage(input), context),
    }),
  }),
}))
