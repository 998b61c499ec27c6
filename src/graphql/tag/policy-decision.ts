import type { PolicyDecision } from '../../imagestream/commands/set-tag-policy.ts'
import type { SpecTag } from '../../imagestream/spec/spec.ts'
import { REPORTED } from '../../imagestream/tag/policy-choice.ts'
import { isTagName, type TagName } from '../../oci/tag.ts'
import type { ExcludedTag, RankedTag } from '../../policy/decide.ts'
import { readPolicy } from '../../policy/policy.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import type { GraphQLContext } from '../kit/context.ts'
import { listConnection } from '../kit/list-page.ts'
import { NodeInterface, nodeId, registerNamedNode } from '../kit/node.ts'
import { ImageStreamTagType } from '../kit/references.ts'
import { PART_OF_STREAM } from '../kit/stream-of.ts'
import { enumType, objectType } from '../kit/types.ts'
import { specTagOf } from './image-stream-tag.ts'

const TagExclusionReasonEnum = enumType('TagExclusionReason', {
  description: 'Reason why a policy cannot choose a tag.',
  values: {
    PRERELEASE: 'The version is a pre-release in the range, and the policy does not include pre-releases.',
    OUT_OF_RANGE: 'The version is outside the range.',
    NO_CREATION_TIME: 'The image does not declare a creation time.',
    NO_IMAGE: 'The tag has no image, or its image cannot be read.',
    ARTIFACT: 'The tag points to an artifact, such as a Helm chart, and the policy chooses images only.',
    FOLLOWS: 'The tag follows another tag, or has a policy of its own.',
    NOT_A_VERSION: 'The compared part of the name is not a semantic version.',
    NOT_A_NUMBER: 'The compared part of the name is not a number.',
    FILTERED: 'The filter’s pattern does not match the name, or the compared part is empty.',
  },
})

const RankedTagType = objectType<RankedTag>('PolicyRankedTag', {
  description: 'A tag that a policy can choose.',
  properties: (t) => ({
    tag: t.string('Name of the tag.'),
    value: t.string('Compared value: a version, a number, a text, or a time in RFC 3339 format.'),
    message: t.string('Explanation of the tag’s rank for people.'),
  }),
})

const ExcludedTagType = objectType<ExcludedTag>('PolicyExcludedTag', {
  description: 'A tag that a policy cannot choose.',
  properties: (t) => ({
    tag: t.string('Name of the tag.'),
    value: t.stringOrNull('Value to compare; null if the tag was excluded before the value was determined.'),
    reason: t.one(TagExclusionReasonEnum, 'Why the tag is excluded.'),
    message: t.string('Explanation for people why the tag is excluded.'),
  }),
})

const RankedTagConnection = connectionType('PolicyRankedTag', RankedTagType, { items: 'ranked tags' })
const ExcludedTagConnection = connectionType('PolicyExcludedTag', ExcludedTagType, { items: 'excluded tags' })

/** A decision, with the key of its global id. */
export type IdentifiedDecision = PolicyDecision & { readonly key: string }

type Positioned<Tag> = Tag & { readonly position: number }
const keyOf = ({ position }: Positioned<object>): [number] => [position]
const rankedCursors = keyCursors<Positioned<RankedTag>>('ranked', keyOf)
const excludedCursors = keyCursors<Positioned<ExcludedTag>>('excluded', keyOf)
const inOrder = <Tag extends object>(tags: readonly Tag[]): Positioned<Tag>[] =>
  tags.map((tag, position) => ({ ...tag, position }))

const listArgs = { args: connectionArgs, complexity: pageComplexity }

/** The decision of a policy. */
export const TagPolicyDecisionType = builder.objectRef<IdentifiedDecision>('TagPolicyDecision')
objectType(TagPolicyDecisionType, {
  description: 'Decision of a policy, with the ranked and excluded tags.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    chosen: t.stringOrNull(
      'Name of the chosen tag. Null if no tag could be chosen: the tag with the policy keeps its image.',
    ),
    decidedAt: t.dateTimeOrNull(
      'Time at which an import last read the repository. For a policy over the stream’s own tags, the time at which the choice last changed. Null in a dry run.',
    ),
  }),
  fields: (t) => ({
    id: t.id({
      description:
        'Global identifier of the decision; the same as long as the tag has a policy. The decision of a dry run has an `id` of its own, which `node(id:)` does not find.',
      resolve: ({ key }) => nodeId('TagPolicyDecision', key),
    }),
    ranked: t.field({
      type: RankedTagConnection,
      description: `Tags that could be chosen, in rank order: the chosen tag first. \`totalCount\` counts all of them; the list has the first ${REPORTED}.`,
      ...listArgs,
      resolve: ({ ranked, rankedCount: total }, args, _context, info) =>
        listConnection(args, info, { cursors: rankedCursors, keyOf, items: inOrder(ranked), total }),
    }),
    excluded: t.field({
      type: ExcludedTagConnection,
      description: `Tags that could not be chosen, those that came closest to it first. \`totalCount\` counts all of them; the list has the first ${REPORTED}.`,
      ...listArgs,
      resolve: ({ excluded, excludedCount: total }, args, _context, info) =>
        listConnection(args, info, { cursors: excludedCursors, keyOf, items: inOrder(excluded), total }),
    }),
  }),
})

/** Returns the decision of a spec tag's policy; undefined without a policy, and before the first import. */
async function decisionOf(
  spec: SpecTag | undefined,
  { policies, work }: GraphQLContext,
): Promise<IdentifiedDecision | undefined> {
  if (!spec || spec.policy === null) return undefined
  const { streamId, name } = spec
  if (spec.fromKind === null) {
    await policies.applyFilters(streamId, [readPolicy(spec.policy)], work.signal)
    // an operation may request many decisions, each over all tags of a stream
    await work.nextTurn()
  }
  const decision = policies.decisionOf(streamId, name, REPORTED)
  return decision && { ...decision, key: decisionKey(streamId, name) }
}

/** Returns the key of the decision of a tag's policy. */
export const decisionKey = (streamId: number, tag: TagName): string => `${streamId}/${tag}`

// a decision ranks all tags of the stream, 8 ms for 10,000 tags: as long as thousands of fields, and a default page of them is allowed
const DECISION_COMPLEXITY = 3_000

registerNamedNode('TagPolicyDecision', {
  // the stream before its tags, which take some time to rank
  load: (streamId, tag, context) =>
    isTagName(tag) && PART_OF_STREAM.streamOf({ streamId }, context)
      ? decisionOf(context.streams.specTag(streamId, tag), context)
      : undefined,
  complexity: DECISION_COMPLEXITY,
  access: 'load',
})

builder.objectField(ImageStreamTagType, 'policyDecision', (t) =>
  t.field({
    type: TagPolicyDecisionType,
    nullable: true,
    complexity: DECISION_COMPLEXITY,
    description:
      'Decision of the tag’s policy: for the stream’s own tags, computed now; for a repository, from the last import. Null if the tag has no policy, and before the first import.',
    resolve: (tag, args, context) => decisionOf(specTagOf(tag, args, context), context),
  }),
)
