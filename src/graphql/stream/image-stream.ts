import { annotationsOf, manifestJson, manifestYaml } from '../../documents/manifest-document.ts'
import type { Import } from '../../imagestream/request/import-rows.ts'
import { readKeyValues } from '../../input/key-values.ts'
import { ImportConnection } from '../import/import.ts'
import { batch, prime } from '../kit/batch.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, pageComplexity } from '../kit/connection-type.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import {
  ImageStreamSpecType,
  ImageStreamStatusType,
  ImageStreamTagType,
  ImageStreamType,
  KeyValueType,
} from '../kit/object-types.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import {
  ImageStreamTagConnection,
  ImageStreamTagOrderEnum,
  tagOfStream,
  tagsOfStream,
} from '../tag/image-stream-tag.ts'
import { tagSearchArgs, tagSearchComplexity } from '../tag/tag-search.ts'

registerRowNode('ImageStream', (id, { streams }) => streams.byIds([id]).get(id))

const ManifestFormatEnum = builder.enumType('ManifestFormat', {
  description: 'How a document is written.',
  values: {
    JSON: { description: 'As `oc get -o json` prints it.' },
    YAML: { description: 'As `oc get -o yaml` prints it.' },
  } as const,
})

const importCursors = keyCursors<Import>('imports', ({ id }) => [id])

ImageStreamType.implement({
  description:
    'A named set of tags, each with the images that it has meant over time, wherever they are stored.',
  interfaces: [NodeInterface],
  fields: (t) => ({
    id: t.id({
      description: 'Names this stream among all objects; a later stream of the same name has another one.',
      resolve: ({ id }) => nodeId('ImageStream', id),
    }),
    namespace: t.exposeString('namespace', {
      description: 'What groups streams of one owner; `default` unless given.',
    }),
    name: t.exposeString('name', { description: 'Its name, unique in the namespace.' }),
    uid: t.exposeString('uid', { description: 'A UUID, as Kubernetes gives each object one.' }),
    generation: t.exposeInt('generation', { description: 'Counts the changes of its spec, from 1.' }),
    resourceVersion: t.string({
      description:
        'Changes with every change of the stream or its tags; hand it back with a write to have it refused when stale.',
      resolve: ({ resourceVersion }) => String(resourceVersion),
    }),
    creationTimestamp: t.field({
      type: 'DateTime',
      description: 'When it was created.',
      resolve: ({ createdAt }) => createdAt,
    }),
    labels: t.field({
      type: [KeyValueType],
      description: 'Labels, by which streams can be found.',
      resolve: ({ labels }) => readKeyValues(labels),
    }),
    annotations: t.field({
      type: [KeyValueType],
      description:
        'Notes. `openshift.io/image.dockerRepositoryCheck` is the server’s: when the last import finished, or why it failed.',
      resolve: annotationsOf,
    }),
    spec: t.field({
      type: ImageStreamSpecType,
      description: 'What is wanted of the stream.',
      resolve: (stream) => stream,
    }),
    status: t.field({
      type: ImageStreamStatusType,
      description: 'What was seen: the tags and their images.',
      resolve: (stream) => stream,
    }),
    tag: t.field({
      type: ImageStreamTagType,
      nullable: true,
      description: 'One tag; null where neither spec nor status knows it.',
      args: { name: t.arg.string({ required: true, description: 'The tag: `latest`.' }) },
      resolve: (stream, { name }, context) => tagOfStream(stream, name, context),
    }),
    imports: t.field({
      type: ImportConnection,
      description: 'Its imports, newest first; the last 50 are kept.',
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
    manifest: t.string({
      description:
        'The stream as an OpenShift `ImageStream` document (`image.openshift.io/v1`), with all tags and their history.',
      args: {
        format: t.arg({
          type: ManifestFormatEnum,
          required: true,
          defaultValue: 'JSON',
          description: 'How to write it.',
        }),
      },
      complexity: 1000,
      resolve: (stream, { format }, context) =>
        (format === 'YAML' ? manifestYaml : manifestJson)(stream, context),
    }),
  }),
})

ImageStreamStatusType.implement({
  description: 'What was seen of an image stream.',
  fields: (t) => ({
    dockerImageRepository: t.string({
      description:
        'Where its images can be pulled from: the registry’s repository of the stream’s name, to which they are pushed too; where that registry is not the integrated one, `spec.dockerImageRepository` first.',
      resolve: (stream, _args, { pullRepository }) => pullRepository(stream),
    }),
    publicDockerImageRepository: t.string({
      nullable: true,
      description:
        'The same under the name that was set for clients elsewhere (`--registry-host`); null when none was.',
      resolve: ({ namespace, name }, _args, { registry: { publicHost } }) =>
        publicHost === null ? null : `${publicHost}/${namespace}/${name}`,
    }),
    checkedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When an import last brought in, or found unchanged, all that it was asked for; null when none ever did. `notCheckedSince` looks for it.',
      resolve: ({ checkedAt }) => checkedAt,
    }),
    changedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When one of its tags last got another image; null when none ever had one. `unchangedSince` looks for it.',
      resolve: ({ newestAt }) => newestAt || null,
    }),
    tags: t.field({
      type: ImageStreamTagConnection,
      description:
        'Its tags, the most important ones first: `latest`, minor versions, full versions, each newest first, then others by name.',
      args: {
        ...tagSearchArgs,
        orderBy: t.arg({ type: ImageStreamTagOrderEnum, description: 'Another order than by importance.' }),
        ...connectionArgs,
      },
      complexity: tagSearchComplexity,
      resolve: tagsOfStream,
    }),
  }),
})

builder.queryField('imageStream', (t) =>
  t.field({
    type: ImageStreamType,
    nullable: true,
    description: 'One image stream by its name; null where there is none.',
    args: {
      namespace: t.arg.string({
        required: true,
        defaultValue: 'default',
        description: 'Namespace of the stream.',
      }),
      name: t.arg.string({ required: true, description: 'Name of the stream.' }),
    },
    resolve: (_query, { namespace, name }, { streams }) => streams.byName(namespace, name),
  }),
)
