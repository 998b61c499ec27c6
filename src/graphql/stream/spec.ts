import { groupBy } from '../../input/group-by.ts'
import { batch, loadForBatch } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import {
  ImageLookupPolicyType,
  ImageStreamSpecType,
  TagImportPolicyType,
  TagReferenceType,
} from '../kit/object-types.ts'
import { TagImportPolicyInput, TagReferenceInput } from '../tag/tag-reference-input.ts'

ImageStreamSpecType.implement({
  description: 'What is wanted of an image stream.',
  fields: (t) => ({
    dockerImageRepository: t.exposeString('dockerImageRepository', {
      nullable: true,
      description:
        'Repository of which every tag is imported, as `registry/name`; null when only spec tags are.',
    }),
    importPolicy: t.field({
      type: TagImportPolicyType,
      description: 'How the tags of `dockerImageRepository` are imported.',
      resolve: (stream) => stream,
    }),
    lookupPolicy: t.field({
      type: ImageLookupPolicyType,
      description: 'Whether workloads may mean this stream by its bare name.',
      resolve: (stream) => stream,
    }),
    tags: t.field({
      type: [TagReferenceType],
      description:
        'Tags with a source or policy of their own, in the order in which they were given; each wins over the repository’s tag of that name.',
      resolve: (stream, _args, { streams }) =>
        loadForBatch(stream, 'specTags', (all) => {
          const tags = batch(streams.specTags(all.map(({ id }) => id)))
          return groupBy(tags, ({ streamId }) => streamId)
        }).get(stream.id) ?? [],
    }),
  }),
})

ImageLookupPolicyType.implement({
  description: 'How bare image names in workloads are looked up.',
  fields: (t) => ({
    local: t.boolean({
      description:
        'Whether a bare name like `ruby:3.3` in a workload of this namespace means this stream first.',
      resolve: ({ lookupLocal }) => Boolean(lookupLocal),
    }),
  }),
})

export const ImageStreamSpecInput = builder.inputType('ImageStreamSpecInput', {
  description: 'What is wanted of an image stream. In an update, what is left out stays as it is.',
  fields: (t) => ({
    dockerImageRepository: t.string({
      description:
        'Repository of which every tag is imported: `docker.io/library/ruby`, without tag or digest. Null removes it.',
    }),
    importPolicy: t.field({
      type: TagImportPolicyInput,
      description:
        'How to import the tags of `dockerImageRepository`. When left out of a new stream, the server’s own way.',
    }),
    lookupPolicy: t.field({
      type: builder.inputType('ImageLookupPolicyInput', {
        description: 'How bare image names in workloads are looked up.',
        fields: (p) => ({
          local: p.boolean({
            required: true,
            description: 'Lets a bare name in a workload mean this stream first.',
          }),
        }),
      }),
      description: 'Whether workloads may mean this stream by its bare name.',
    }),
    tags: t.field({
      type: [TagReferenceInput],
      description:
        'All tags with a source of their own. In an update they replace the old ones: a tag that is no longer named loses its history.',
    }),
  }),
})
