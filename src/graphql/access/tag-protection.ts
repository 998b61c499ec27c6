import type { TagProtection } from '../../access/protection/tag-protections.ts'
import { tagPatternsNamed } from '../../input/qualified-name.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { NodeInterface, nodeId, registerRowNode, rowIdOf } from '../kit/node.ts'
import { namespaceFilterArg, namespaceIn } from '../kit/search-filter.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { RoleEnum } from './role.ts'

registerRowNode('TagProtection', {
  load: (id, { tagProtections, viewer }) => tagProtections.byId(viewer, id),
  access: 'load',
})

const TagProtectionType = objectType<TagProtection>('TagProtection', {
  description:
    'Tags of a namespace that may be created, but then neither moved to another image nor removed: by a push, an import, a mutation, a policy or a tag that they follow.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    namespace: t.string('Namespace of the tags.'),
    tags: t.string('Pattern over names of tags; `*` matches any characters.'),
    exceptRoles: t.list(
      RoleEnum,
      'Roles whose holders may move and remove the tags all the same; at most one of each.',
    ),
    createdAt: t.dateTime('Time at which the protection was last written.'),
    createdBy: t.string('Id of the principal who last wrote it, for example `user:12`.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the protection.',
      resolve: ({ id }) => nodeId('TagProtection', id),
    }),
    imageStreams: t.exposeString('streams', {
      description: 'Pattern over names of image streams; `*` matches any characters.',
    }),
  }),
})

const TagProtectionConnection = connectionType('TagProtection', TagProtectionType, {
  items: 'protections of tags',
})
const protectionCursors = keyCursors<TagProtection>('tagProtections', ({ id }) => [id])

builder.queryField('tagProtections', (t) =>
  t.field({
    type: TagProtectionConnection,
    description:
      'Returns the protections of tags in the namespaces in which the viewer may see a stream, or in one of them, oldest first.',
    access: 'view',
    example: `
      query TagProtections {
        tagProtections(namespace: "default", first: 10) { nodes { id imageStreams tags exceptRoles } }
      }
    `,
    complexity: pageComplexity,
    args: {
      ...namespaceFilterArg('protections of tags'),
      ...connectionArgs,
    },
    resolve: (_query, { namespace, ...args }, { tagProtections, viewer }, info) => {
      const wanted = namespaceIn(namespace)
      return connection(args, info, {
        cursors: protectionCursors,
        rows: (page) => tagProtections.page(viewer, wanted, page),
        totalCount: () => tagProtections.count(viewer, wanted),
      })
    },
  }),
)

const ProtectTagsInput = inputType('ProtectTagsInput', {
  description: 'Tags to protect.',
  fields: (t) => ({
    namespace: t.string(
      'Namespace of the tags. If omitted, it is the first component of a pattern with a slash, and otherwise `default`.',
    ),
    imageStreams: t.field({
      type: 'String',
      required: true,
      defaultValue: '*',
      description:
        'Pattern over names of image streams, `app-*`, or `team/app-*` with its namespace; `*`, which is the default, matches any characters.',
    }),
    tags: t.requiredString('Pattern over names of tags, for example `v*`; `*` matches any characters.'),
    exceptRoles: t.list(
      RoleEnum,
      'Roles whose holders may move and remove the tags all the same; no role if omitted. Imports and policies are never excepted.',
    ),
  }),
})

const ProtectTagsPayload = objectType<{ readonly tagProtection: TagProtection }>('ProtectTagsPayload', {
  description: 'The written protection.',
  properties: (t) => ({ tagProtection: t.one(TagProtectionType, 'The protection.') }),
})

/** Returns the patterns that an input names. Throws InvalidInputError. */
const tagPatternOf = ({ namespace, imageStreams, tags }: typeof ProtectTagsInput.$inferInput) =>
  tagPatternsNamed({ name: imageStreams, namespace, tag: tags }, 'imageStreams')

mutation('protectTags', {
  description:
    'Protects tags and their content from being moved or removed, also tags that are created later. A push to a protected tag is refused with `DENIED`, a mutation with `FORBIDDEN`; an import leaves the tag with a condition that names the protection. A protection of the same patterns is replaced.',
  access: 'grant',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # Releases do not change any more, except by admins of the namespace.
    mutation ProtectTags {
      protectTags(input: { namespace: "default", imageStreams: "app-*", tags: "v*", exceptRoles: [ADMIN] }) {
        tagProtection { id imageStreams tags exceptRoles }
      }
    }
  `,
  input: ProtectTagsInput,
  inputDescription: 'The tags to protect.',
  payload: ProtectTagsPayload,
  resolve: ({ exceptRoles, ...input }, { tagProtections, viewer }) => ({
    tagProtection: tagProtections.protect(viewer, {
      ...tagPatternOf(input),
      exceptRoles: exceptRoles ?? [],
    }),
  }),
})

const UnprotectTagsInput = inputType('UnprotectTagsInput', {
  description: 'A protection to remove.',
  fields: (t) => ({ id: t.requiredId('Global `id` of the protection.') }),
})

const UnprotectTagsPayload = objectType<{ readonly tagProtection: TagProtection }>('UnprotectTagsPayload', {
  description: 'The removed protection.',
  properties: (t) => ({ tagProtection: t.one(TagProtectionType, 'The protection, as it was.') }),
  fields: (t) => ({
    deletedId: t.id({
      description: 'Global `id` of the protection, which `node(id:)` no longer finds.',
      resolve: ({ tagProtection }) => nodeId('TagProtection', tagProtection.id),
    }),
  }),
})

mutation('unprotectTags', {
  description:
    'Removes a protection of tags. Tags that follow another tag get its image at once, others by the next import. `NOT_FOUND` if there is no protection with this `id`.',
  access: 'grant',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    mutation UnprotectTags($tagProtection: ID!) {
      unprotectTags(input: { id: $tagProtection }) { deletedId tagProtection { imageStreams tags } }
    }
  `,
  input: UnprotectTagsInput,
  inputDescription: 'The protection.',
  payload: UnprotectTagsPayload,
  resolve: ({ id }, { tagProtections, viewer }) => ({
    tagProtection: tagProtections.unprotect(viewer, rowIdOf('TagProtection', id) ?? 0),
  }),
})
