import type { Tag } from '../../imagestream/tag/tag.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, pageComplexity } from '../kit/connection-type.ts'
import { ownedConnection } from '../kit/owned-connection.ts'
import { ImageType } from '../kit/references.ts'
import { batchTags, ImageStreamTagConnection } from './tags-of-stream.ts'

const cursors = keyCursors<Tag>('image tags', ({ streamId, id }) => [streamId, id], ['number', 'number'])

builder.objectField(ImageType, 'tags', (t) =>
  t.field({
    type: ImageStreamTagConnection,
    description: 'Tags of all visible image streams that point to the image.',
    args: connectionArgs,
    complexity: pageComplexity,
    resolve: (image, args, { viewer, tags }, info) =>
      ownedConnection(image, args, info, {
        name: 'tags',
        cursors,
        rows: (ids, page) => batchTags(tags.ofImages(viewer, ids, page)),
        ownerIdOf: (tag) => tag.image?.id,
        counts: (ids) => tags.countOfImages(viewer, ids),
      }),
  }),
)
