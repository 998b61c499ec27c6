import {
  annotationsOf,
  documentJson,
  documentWarnings,
  documentYaml,
} from '../../documents/image-stream-document.ts'
import type { Import } from '../../imagestream/stored-import/import-state.ts'
import { readKeyValues } from '../../input/key-values.ts'
import { streamNamed } from '../../input/qualified-name.ts'
import { ImportConnection } from '../import/import.ts'
import { batch, prime } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, pageComplexity } from '../kit/connection-type.ts'
import { streamNamespaceArg } from '../kit/inputs.ts'
import { anyStream } from '../kit/last-specs.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import { ImageStreamSpecType, ImageStreamTagType, ImageStreamType, KeyValueType } from '../kit/references.ts'
import { enumType, objectType } from '../kit/types.ts'
import { ImageStreamTagConnection, removedTagsOfStream, tagOfStream } from '../tag/tags-of-stream.ts'
import { wholeDocument } from './document-parts.ts'

registerRowNode('ImageStream', { load: anyStream, access: { streamOf: (stream) => stream } })

const DocumentFormatEnum = enumType('DocumentFormat', {
  description: 'Format of an OpenShift document.',
  values: {
    JSON: 'JSON, as from `oc get -o json`.',
    YAML: 'YAML, as from `oc get -o yaml`.',
  },
})

export const documentFormatArg = builder.args((t) => ({
  format: t.field({
    type: DocumentFormatEnum,
    required: true,
    defaultValue: 'JSON',
    description: 'Format of the document; the default is `JSON`.',
  }),
}))

const importCursors = keyCursors<Import>('imports', ({ id }) => [id])

objectType(ImageStreamType, {
  description:
    'A named set of tags, each with the history of the images that the tag pointed to. The images may be in any registry.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    namespace: t.string(
      'Namespace that groups image streams: the first component of the repository’s name; `default` unless set.',
    ),
    name: t.string(
      'Name of the image stream, unique in the namespace: the components of the repository’s name after the first, such as `app` or `sub/app`.',
    ),
    uid: t.string('UUID of the image stream, as in Kubernetes.'),
    generation: t.int(
      'Number of the spec’s version, which starts at 1 and increases with each change of the spec.',
    ),
  }),
  fields: (t) => ({
    id: t.id({
      description:
        'Global identifier of the image stream. A later stream with the same name has another `id`.',
      resolve: ({ id }) => nodeId('ImageStream', id),
    }),
    resourceVersion: t.string({
      description:
        'Opaque version that changes with every change of the image stream or its tags. A mutation with an outdated version fails with `CONFLICT`.',
      resolve: ({ resourceVersion }) => String(resourceVersion),
    }),
    creationTimestamp: t.expose('createdAt', {
      type: 'DateTime',
      description: 'Time at which the image stream was created.',
    }),
    deletionTimestamp: t.expose('deletedAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'Time at which the image stream was deleted; null for a stream that exists. Only `imageStreamByUid` and `deletedImageStreams` return deleted streams.',
    }),
    labels: t.field({
      type: [KeyValueType],
      description: 'Labels of the image stream, which `imageStreams` can filter by; at most 256 KiB of text.',
      resolve: ({ labels }) => readKeyValues(labels),
    }),
    annotations: t.field({
      type: [KeyValueType],
      description:
        'Annotations of the image stream. The server sets `openshift.io/image.dockerRepositoryCheck` to the time of the last import, or to the reason of its failure. At most 256 KiB of text, beside those of the server.',
      resolve: annotationsOf,
    }),
    spec: t.field({
      type: ImageStreamSpecType,
      description: 'Desired state of the image stream.',
      resolve: (stream) => stream,
    }),
    tag: t.field({
      type: ImageStreamTagType,
      nullable: true,
      description: 'Returns a tag by name; null if the image stream has no tag with this name.',
      args: { name: t.arg.string({ required: true, description: 'Name of the tag, for example `latest`.' }) },
      resolve: (stream, { name }, context) => tagOfStream(stream, name, context),
    }),
    removedTags: t.field({
      type: ImageStreamTagConnection,
      description:
        'Tags that were removed from the image stream and whose history is not pruned yet, the last removed first. `restoreTag` restores them.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: removedTagsOfStream,
    }),
    imports: t.field({
      type: ImportConnection,
      description: 'Imports of the image stream, newest first; the last 50 are kept.',
      args: connectionArgs,
      complexity: pageComplexity,
      resolve: (stream, args, { importer }, info) =>
        ownedConnection(stream, args, info, {
          name: 'imports',
          cursors: importCursors,
          rows: (ids, page, streams) => {
            const rows = batch(importer.ofStreams(ids, page))
            prime(rows, 'imageStream', new Map(streams.map((one) => [one.id, one])))
            return rows
          },
          ownerIdOf: ({ streamId }) => streamId,
          counts: (ids) => importer.countOfStreams(ids),
        }),
    }),
    document: t.string({
      description:
        'The image stream as an OpenShift `ImageStream` document (`image.openshift.io/v1`), with all tags and their history.',
      args: documentFormatArg,
      complexity: 1000,
      resolve: (stream, { format }, context) =>
        wholeDocument([stream], context, ([one = stream]) =>
          (format === 'YAML' ? documentYaml : documentJson)(one, context),
        ),
    }),
    documentWarnings: t.field({
      type: ['String'],
      description:
        'Names in `document` that are valid here and that an OpenShift cluster refuses, each with its path: `metadata.name: …`. In YAML the document begins with them as comments. At most 100, and then the number of the others.',
      complexity: 100,
      resolve: (stream, _args, context) => documentWarnings(stream, context),
    }),
  }),
})

builder.queryField('imageStream', (t) =>
  t.field({
    type: ImageStreamType,
    nullable: true,
    description: 'Returns an image stream by namespace and name; null if it does not exist.',
    access: 'view',
    example: `
      # The image that each tag points to, and those that it pointed to before.
      query ImageStream {
        imageStream(name: "ruby") {
          tags(first: 10) {
            nodes {
              tag
              image { digest created size platform { os architecture } layers { digest size } }
              items(first: 5) { nodes { created dockerImageReference } }
            }
          }
        }
      }
    `,
    args: {
      ...streamNamespaceArg(),
      name: t.arg.string({
        required: true,
        description: 'Name of the image stream: `app`, or `team/app` with its namespace.',
      }),
    },
    resolve: (_query, args, { viewer, streams }) => {
      const { namespace, name } = streamNamed(args)
      return streams.byName(viewer, namespace, name)
    },
  }),
)
