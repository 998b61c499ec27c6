import { loadRows } from '../kit/batch.ts'
import { inputType } from '../kit/inputs.ts'
import {
  ImageLookupPolicyType,
  ImageStreamSpecType,
  TagImportPolicyType,
  TagReferenceType,
} from '../kit/references.ts'
import { objectType } from '../kit/types.ts'
import { TagImportPolicyInput, TagReferenceInput } from '../tag/tag-reference-input.ts'

objectType(ImageStreamSpecType, {
  description: 'Desired state of an image stream.',
  properties: (t) => ({
    dockerImageRepository: t.stringOrNull(
      'Repository whose tags are all imported, as `registry/name`; null if only spec tags are imported.',
    ),
  }),
  fields: (t) => ({
    importPolicy: t.field({
      type: TagImportPolicyType,
      description: 'Import settings of the tags of `dockerImageRepository`.',
      resolve: (stream) => stream,
    }),
    lookupPolicy: t.field({
      type: ImageLookupPolicyType,
      description: 'Whether workloads can use the image stream by its bare name.',
      resolve: (stream) => stream,
    }),
    tags: t.field({
      type: [TagReferenceType],
      description:
        'Tags with a source or policy of their own, in the order in which they were set. Each takes precedence over the repository’s tag with the same name.',
      resolve: (stream, _args, { streams }) =>
        loadRows(stream, 'specTags', 'streamId', (ids) => streams.specTags(ids)),
    }),
  }),
})

ImageLookupPolicyType.implement({
  description: 'Lookup of bare image names in workloads.',
  fields: (t) => ({
    local: t.boolean({
      description:
        'Whether a bare name such as `ruby:3.3` in a workload of the namespace refers to this image stream first.',
      resolve: ({ lookupLocal }) => Boolean(lookupLocal),
    }),
  }),
})

const ImageLookupPolicyInput = inputType('ImageLookupPolicyInput', {
  description: 'Lookup of bare image names in workloads.',
  fields: (t) => ({
    local: t.requiredBoolean(
      'Whether a bare name in a workload of the namespace refers to this image stream first.',
    ),
  }),
})

export const ImageStreamSpecInput = inputType('ImageStreamSpecInput', {
  description: 'Desired state of an image stream. In an update, omitted fields do not change.',
  fields: (t) => ({
    dockerImageRepository: t.string(
      'Repository whose tags are all imported, without tag or digest: `docker.io/library/ruby`. Null removes the repository.',
    ),
    importPolicy: t.one(
      TagImportPolicyInput,
      'Import settings of the tags of `dockerImageRepository`. If omitted for a new stream, the server’s defaults apply.',
    ),
    lookupPolicy: t.one(
      ImageLookupPolicyInput,
      'Whether workloads can use the image stream by its bare name.',
    ),
    tags: t.list(
      TagReferenceInput,
      'All tags with a source or policy of their own. In an update they replace the present tags of the spec: the source of a tag that is no longer listed is no longer followed, and the tag keeps its image and history. `setTags` and `removeTags` change single tags.',
    ),
  }),
})
