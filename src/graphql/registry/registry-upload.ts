import { repositoryNameOf } from '../../oci/repository-name.ts'
import type { ListedUpload } from '../../registry/content/upload-list.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionType } from '../kit/connection-type.ts'
import { NodeInterface, nodeId, registerNode } from '../kit/node.ts'
import { objectType } from '../kit/types.ts'

const KEY = /^([^:]+):([\w-]+)$/

registerNode('RegistryUpload', {
  load: (key, { registry }) => {
    const [, repository = '', ofUpload = ''] = KEY.exec(key) ?? []
    return registry.uploads.byKey(repository, ofUpload)
  },
  access: { streamOf: ({ repository }) => repositoryNameOf(repository) },
})

const RegistryUploadType = builder.objectRef<ListedUpload>('RegistryUpload')
objectType(RegistryUploadType, {
  description:
    'An upload of a blob to the integrated registry that has not finished. A client cannot continue the upload with its `id`.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    repository: t.string(
      'Repository of the upload as `namespace/name`: the namespace ends at the first slash.',
    ),
    size: t.bigInt('Number of bytes received.'),
    startedAt: t.dateTime('Time at which the upload started.'),
    changedAt: t.dateTime(
      'Time at which bytes were last received. An upload without new bytes for a day is abandoned.',
    ),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the upload.',
      resolve: ({ repository, key }) => nodeId('RegistryUpload', `${repository}:${key}`),
    }),
  }),
})

export const RegistryUploadConnection = connectionType('RegistryUpload', RegistryUploadType, {
  items: 'uploads',
})

/** Returns the key of the list of uploads, the oldest first. */
export const uploadKey = ({ startedAt, key }: ListedUpload): [number, string] => [startedAt, key]

export const uploadCursors = keyCursors<ListedUpload>('uploads', uploadKey, ['number', 'string'])
