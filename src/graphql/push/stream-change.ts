import { type ChangeKind, type EntryFilter, isPush, kindOf, type LogEntry } from '../../events/log-entry.ts'
import { isRemovalReason } from '../../imagestream/tag/tag-event.ts'
import { builder } from '../kit/builder.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { FailureReasonEnum } from '../kit/failure-reason.ts'
import { NodeInterface, nodeId, registerNode } from '../kit/node.ts'
import { ImagePushType, ImageStreamTagType, ImageStreamType } from '../kit/references.ts'
import { describePattern, namespaceFilterArg } from '../kit/search-filter.ts'
import { streamOf } from '../kit/stream-of.ts'
import { enumType, objectType } from '../kit/types.ts'
import { RemovalReasonEnum } from '../tag/tag-event.ts'
import { type PushFilterArguments, pushFilterOf, tagOfEntry, throughHub } from './image-push.ts'
import { logConnection } from './log-connection.ts'

const ChangeKindEnum = enumType<ChangeKind>('ImageStreamChangeKind', {
  description: 'What changed in an image stream.',
  values: {
    STREAM_CREATED: 'The image stream was created, by a mutation or by a push to the integrated registry.',
    STREAM_UPDATED: 'The spec, the labels or the annotations of the image stream changed.',
    STREAM_DELETED:
      'The image stream was deleted. Its tags were removed before, each with a change of its own.',
    STREAM_RESTORED: 'The deleted image stream was restored. Its tags follow, each with changes of its own.',
    TAG_PUSHED: 'The tag points to another image: `push` has the images.',
    TAG_SOURCE_CHANGED:
      'The source of the tag in the spec was set, changed or removed: an image of a registry, a followed tag, a pinned image or a policy.',
    TAG_REMOVED: 'The tag was removed; `removalReason` says why.',
    TAG_RESTORED: 'The removed tag was restored. A `TAG_PUSHED` follows if it had an image.',
    IMPORT_FAILING:
      'The import of the tag, or of the whole repository if `tag` is null, begins to fail; `reason` and `message` say why.',
    IMPORT_RECOVERED: 'The import of the tag, or of the whole repository if `tag` is null, succeeds again.',
  },
})

registerNode('ImageStreamChange', {
  load: (key, { viewer, changeLog }) => changeLog.entry(viewer, key),
  access: 'load',
})

export const StreamChangeType = builder.objectRef<LogEntry>('ImageStreamChange')
objectType(StreamChangeType, {
  description: 'A change of an image stream or of one of its tags: an entry of the log.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    namespace: t.string('Namespace of the image stream.'),
    imageStreamName: t.string('Name that the image stream had at the time of the change.'),
    tag: t.stringOrNull('Name of the tag; null for a change of the whole image stream.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the change.',
      resolve: ({ sequence }, _args, { changeLog }) =>
        nodeId('ImageStreamChange', changeLog.entryKey(sequence)),
    }),
    cursor: t.string({
      description:
        'Position of the change in the log. `since` with this cursor returns the changes after it, here and in `imagePushed`.',
      resolve: ({ sequence }, _args, { changeLog }) => changeLog.cursor(sequence),
    }),
    kind: t.field({ type: ChangeKindEnum, description: 'What changed.', resolve: kindOf }),
    changedAt: t.field({
      type: 'DateTime',
      description: 'Time at which this server recorded the change.',
      resolve: (entry) => (isPush(entry) ? entry.pushedAt : entry.changedAt),
    }),
    reason: t.field({
      type: FailureReasonEnum,
      nullable: true,
      description: 'Why the import fails; null for other kinds than `IMPORT_FAILING`.',
      resolve: (entry) => (isPush(entry) || isRemovalReason(entry.reason) ? null : entry.reason),
    }),
    removalReason: t.field({
      type: RemovalReasonEnum,
      nullable: true,
      description: 'Why the tag was removed; null for other kinds than `TAG_REMOVED`.',
      resolve: (entry) => (isPush(entry) || !isRemovalReason(entry.reason) ? null : entry.reason),
    }),
    message: t.string({
      nullable: true,
      description: 'Explanation for people of a failing import; null for other kinds.',
      resolve: (entry) => (isPush(entry) ? null : entry.message),
    }),
    imageStream: t.field({
      type: ImageStreamType,
      nullable: true,
      description: 'The image stream in its present state; null if the stream was deleted.',
      resolve: (entry, _args, context) => streamOf(entry, context),
    }),
    imageStreamTag: t.field({
      type: ImageStreamTagType,
      nullable: true,
      description:
        'The tag in its present state, also if it was removed. Null for a change of the whole image stream, and for a tag of the spec that has never had an image.',
      resolve: (entry, _args, context) => tagOfEntry(entry, context),
    }),
    push: t.field({
      type: ImagePushType,
      nullable: true,
      description: 'The push, with the new and the previous image; null for other kinds than `TAG_PUSHED`.',
      resolve: (entry) => (isPush(entry) ? entry : null),
    }),
  }),
})

const StreamChangeConnection = connectionType('ImageStreamChange', StreamChangeType, {
  items: 'changes',
  counted: false,
})

interface ChangeFilterArguments extends PushFilterArguments {
  readonly kinds?: readonly ChangeKind[] | null | undefined
}

/** Returns the filter of `imageStreamChanged` and `imageStreamChanges`. Throws InvalidInputError. */
export const changeFilterOf = ({ kinds, ...args }: ChangeFilterArguments): EntryFilter => ({
  ...pushFilterOf(args),
  kinds: kinds ?? 'ALL',
})

const filterArgs = builder.args((t) => ({
  ...namespaceFilterArg('changes of image streams'),
  imageStream: t.string({
    description: describePattern('changes of image streams', ' `app:v1` names the tag too.'),
  }),
  tag: t.string({
    description:
      'Returns only changes of tags whose name matches this pattern; `*` matches any characters. Changes of whole image streams do not match.',
  }),
  kinds: t.field({
    type: [ChangeKindEnum],
    description: 'Returns only changes of these kinds; all if omitted.',
  }),
}))

builder.queryField('imageStreamChanges', (t) =>
  t.field({
    type: StreamChangeConnection,
    description:
      'Returns the log of all changes of image streams and their tags, oldest first; `imagePushes` returns the pushes alone. `pageInfo.endCursor` is not null even on an empty page, so that a client can subscribe from it.',
    access: 'view',
    example: `
      # Why images stopped to arrive: failing imports of all streams, with their reasons.
      query ImageStreamChanges {
        imageStreamChanges(kinds: [IMPORT_FAILING, IMPORT_RECOVERED], last: 10) {
          nodes { changedAt kind namespace imageStreamName tag reason message }
        }
      }
    `,
    args: {
      ...filterArgs,
      since: t.arg.string({
        description:
          'Returns only changes after this `cursor`, of a change or of a push. `CURSOR_EXPIRED` if the log no longer contains all of them.',
      }),
      ...connectionArgs,
    },
    complexity: pageComplexity,
    resolve: (_query, { namespace, imageStream, tag, kinds, ...args }, context, info) => {
      const filter = changeFilterOf({ namespace, imageStream, tag, kinds })
      return logConnection(args, context, info, (range) =>
        context.changeLog.findEntries(context.viewer, { ...range, filter }, context.work.signal),
      )
    },
  }),
)

builder.subscriptionField('imageStreamChanged', (t) =>
  t.field({
    type: StreamChangeType,
    description:
      'Delivers every change of image streams and their tags after `since` in the order of the log, then each new change as it happens, without gaps or duplicates: like `imagePushed`, with all other changes. Without `since`, only new changes are delivered.',
    access: 'view',
    example: `
      # Every change of the streams from now on: pushes, removed tags, failing imports, deleted streams.
      subscription ImageStreamChanged {
        imageStreamChanged(namespace: "default") { cursor changedAt kind imageStreamName tag message }
      }
    `,
    args: {
      ...filterArgs,
      since: t.arg.string({
        description:
          '`cursor` of the last change or push that the client received. `CURSOR_EXPIRED` if the log no longer contains all changes after it.',
      }),
    },
    subscribe: throughHub,
    // a new object for each execution: values that are loaded for it are as new as the result
    resolve: (entry) => ({ ...(entry as LogEntry) }),
  }),
)
