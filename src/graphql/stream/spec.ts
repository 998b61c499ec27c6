import type { SpecTag } from '../../imagestream/spec/spec.ts'
import { batch } from '../kit/batch.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { inputType } from '../kit/inputs.ts'
import { anyStream, lastSpecTagsOf } from '../kit/last-specs.ts'
import { listConnection } from '../kit/list-page.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import {
  ImageLookupPolicyType,
  ImageStreamSpecType,
  TagImportPolicyType,
  TagReferenceType,
} from '../kit/references.ts'
import { objectType } from '../kit/types.ts'
import { TagImportPolicyInput, TagReferenceInput } from '../tag/tag-reference-input.ts'

registerRowNode('ImageStreamSpec', { load: anyStream, access: { streamOf: (stream) => stream } })

const TagReferenceConnection = connectionType('TagReference', TagReferenceType, { items: 'spec tags' })
const keyOf = ({ name }: SpecTag): [string] => [name]
const tagCursors = keyCursors<SpecTag>('spec tags', keyOf, ['string'])

objectType(ImageStreamSpecType, {
  description: 'Desired state of an image stream: the sources of its images.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    dockerImageRepository: t.stringOrNull(
      'Repository whose tags are all imported, as `registry/name`; null if only spec tags are imported.',
    ),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the spec; the same as long as the image stream exists.',
      resolve: ({ id }) => nodeId('ImageStreamSpec', id),
    }),
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
      type: TagReferenceConnection,
      description:
        'Tags with a source or policy of their own, by name. Each takes precedence over the repository’s tag with the same name.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: (stream, args, { streams }, info) => {
        const last = lastSpecTagsOf(stream)
        if (last) return listConnection(args, info, { cursors: tagCursors, keyOf, items: last })
        return ownedConnection(stream, args, info, {
          name: 'spec tags',
          cursors: tagCursors,
          rows: (ids, page) => batch(streams.specTagPages(ids, page)),
          ownerIdOf: ({ streamId }) => streamId,
          counts: (ids) => streams.countSpecTags(ids),
        })
      },
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
