import type { PolicyDecision } from '../../imagestream/commands/set-tag-policy.ts'
import { REPORTED } from '../../imagestream/tag/policy-choice.ts'
import type { ExcludedTag, RankedTag } from '../../policy/decide.ts'
import { readPolicy, type TagFilter, type TagPolicy } from '../../policy/policy.ts'
import { builder } from '../kit/builder.ts'
import { checkRange } from '../kit/checks.ts'
import { ImageStreamTagType, TagReferenceType } from '../kit/object-types.ts'
import { specTagOf } from './image-stream-tag.ts'

const TagPolicyOrderEnum = builder.enumType('TagPolicyOrder', {
  description: 'What a policy compares of tags. The highest is chosen, or with `lowest` the lowest.',
  values: {
    SEMVER: {
      description:
        'Semantic versions: `1.2.3`, `v1.2`, `1.2.3-rc1`; `1.2` is 1.2.0, and a lone number is none.',
    },
    NUMERICAL: { description: 'Numbers of any length: `20240131`, `7.25`.' },
    ALPHABETICAL: { description: 'Text, byte by byte.' },
    NEWEST: {
      description:
        'When the images were created, by their own account: of an index in a registry, the image for linux/amd64 or the platform that the spec tag’s annotations ask. At most 500 tags of a repository are looked at.',
    },
  } as const,
})

const TagExclusionReasonEnum = builder.enumType('TagExclusionReason', {
  description: 'Why a policy cannot choose a tag.',
  values: {
    PRERELEASE: {
      description: 'The version is in the range, but a pre-release, which the policy does not include.',
    },
    OUT_OF_RANGE: { description: 'The version is not in the range.' },
    NO_CREATION_TIME: { description: 'Its image does not say when it was created.' },
    NO_IMAGE: { description: 'It has no image, or none that can be read.' },
    FOLLOWS: { description: 'It follows another tag, or has a policy of its own.' },
    NOT_A_VERSION: { description: 'What is compared of its name is not a semantic version.' },
    NOT_A_NUMBER: { description: 'What is compared of its name is not a number.' },
    FILTERED: {
      description: 'The filter’s pattern is not found in its name, or nothing is left to compare.',
    },
  } as const,
})

const TagFilterType = builder.objectRef<TagFilter>('TagFilter').implement({
  description: 'Which tags count by their names, and what of a name is compared.',
  fields: (t) => ({
    pattern: t.exposeString('pattern', {
      description: 'Regular expression (RE2), found anywhere in the name unless it is anchored.',
    }),
    extract: t.exposeString('extract', {
      nullable: true,
      description:
        'What is compared, of the pattern’s groups; null for the first group, or without groups the whole name.',
    }),
  }),
})

const TagPolicyType = builder.objectRef<TagPolicy>('TagPolicy').implement({
  description: 'A rule that chooses what a tag means, among the tags of a repository or of its own stream.',
  fields: (t) => ({
    order: t.field({
      type: TagPolicyOrderEnum,
      description: 'What is compared.',
      resolve: ({ order }) => order,
    }),
    range: t.exposeString('range', {
      nullable: true,
      description: 'Of SEMVER: the versions that count, as npm writes ranges; null for any.',
    }),
    includePrereleases: t.exposeBoolean('includePrereleases', {
      description: 'Of SEMVER: whether pre-releases count where the range does not name one itself.',
    }),
    lowest: t.exposeBoolean('lowest', {
      description: 'Whether the lowest is chosen, or the oldest, instead of the highest or newest.',
    }),
    filter: t.field({
      type: TagFilterType,
      nullable: true,
      description: 'Which tags count by their names; null for all.',
      resolve: ({ filter }) => filter,
    }),
  }),
})

const RankedTagType = builder.objectRef<RankedTag>('PolicyRankedTag').implement({
  description: 'A tag that could be chosen.',
  fields: (t) => ({
    tag: t.exposeString('tag', { description: 'Name of the tag.' }),
    value: t.exposeString('value', {
      description: 'What was compared: a version, a number, a text, or a time in RFC 3339.',
    }),
    message: t.exposeString('message', {
      description: 'Why it was chosen, or why it stands behind the chosen one.',
    }),
  }),
})

const ExcludedTagType = builder.objectRef<ExcludedTag>('PolicyExcludedTag').implement({
  description: 'A tag that could not be chosen.',
  fields: (t) => ({
    tag: t.exposeString('tag', { description: 'Name of the tag.' }),
    value: t.exposeString('value', {
      nullable: true,
      description: 'What was to be compared; null where it did not come to that.',
    }),
    reason: t.field({
      type: TagExclusionReasonEnum,
      description: 'Why, in one word.',
      resolve: ({ reason }) => reason,
    }),
    message: t.exposeString('message', { description: 'Why, for a person.' }),
  }),
})

const firstArg = builder.args((t) => ({
  first: t.int({
    required: true,
    defaultValue: 10,
    description: `Maximum number of tags to return, 0 to ${REPORTED}; the default is 10.`,
  }),
}))

/** Throws InvalidInputError. */
const firstOf = <Entry>(entries: readonly Entry[], first: number): readonly Entry[] =>
  entries.slice(0, checkRange('first', first, 0, REPORTED))

const firstComplexity = ({ first }: { readonly first: number }) => ({
  field: 1,
  multiplier: Math.min(Math.max(first, 1), REPORTED),
})

/** What a policy chose, and why. */
export const TagPolicyDecisionType = builder.objectRef<PolicyDecision>('TagPolicyDecision').implement({
  description: 'What a policy chose among which tags, and why.',
  fields: (t) => ({
    chosen: t.exposeString('chosen', {
      nullable: true,
      description:
        'The tag whose image it is; null when none could be chosen, and the tag keeps what it has.',
    }),
    decidedAt: t.expose('decidedAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When an import last looked at the repository; of the stream’s own tags, when another was last chosen. Null in a dry run.',
    }),
    rankedCount: t.exposeInt('rankedCount', { description: 'How many tags could be chosen.' }),
    excludedCount: t.exposeInt('excludedCount', { description: 'How many tags could not be chosen.' }),
    ranked: t.field({
      type: [RankedTagType],
      description: 'The tags that could be chosen, the chosen one first and the next best behind it.',
      args: firstArg,
      complexity: firstComplexity,
      resolve: ({ ranked }, { first }) => firstOf(ranked, first),
    }),
    excluded: t.field({
      type: [ExcludedTagType],
      description: 'The tags that could not be chosen, those that came nearest to it first.',
      args: firstArg,
      complexity: firstComplexity,
      resolve: ({ excluded }, { first }) => firstOf(excluded, first),
    }),
  }),
})

export const TagPolicyInput = builder.inputType('TagPolicyInput', {
  description: 'A rule that is to choose what a tag means.',
  fields: (t) => ({
    order: t.field({ type: TagPolicyOrderEnum, required: true, description: 'What to compare.' }),
    range: t.string({
      description:
        'Only for SEMVER: the versions that count, as npm writes ranges: `^3.3`, `>=1.2 <2 || 3.x`. At most 255 characters.',
    }),
    includePrereleases: t.boolean({
      required: true,
      defaultValue: false,
      description:
        'Only for SEMVER: lets pre-releases count. `3.3.6-slim` is one too, unless a filter extracts `3.3.6` from it.',
    }),
    lowest: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Chooses the lowest, or the oldest, instead of the highest or newest.',
    }),
    filter: t.field({
      type: builder.inputType('TagFilterInput', {
        description: 'Which tags count by their names, and what of a name to compare.',
        fields: (f) => ({
          pattern: f.string({
            required: true,
            description:
              'Regular expression (RE2), found anywhere in the name unless it is anchored: `^(\\d+\\.\\d+\\.\\d+)-slim$`. At most 1000 characters.',
          }),
          extract: f.string({
            description:
              'What to compare, of the pattern’s groups: `$1.$2`, and named ones with their name in braces behind the `$`. When left out the first group, or without groups the whole name. At most 255 characters; not with NEWEST.',
          }),
        }),
      }),
      description: 'Which tags count by their names; all when left out.',
    }),
  }),
})

// all tags of the stream are looked at for each: some milliseconds where there are ten thousand
const DECISION_COMPLEXITY = 200

builder.objectField(TagReferenceType, 'policy', (t) =>
  t.field({
    type: TagPolicyType,
    nullable: true,
    description:
      'The rule that chooses what the tag means: among the tags of the repository that `from` names, or without `from` among the stream’s own. Null where no rule does.',
    resolve: ({ policy }) => (policy === null ? null : readPolicy(policy)),
  }),
)

builder.objectField(ImageStreamTagType, 'policyDecision', (t) =>
  t.field({
    type: TagPolicyDecisionType,
    nullable: true,
    complexity: DECISION_COMPLEXITY,
    description:
      'What its policy chose and why: of the stream’s own tags as they are now, of a repository’s as the last import found them. Null where it has no policy, and before the first import.',
    resolve: (tag, args, context) =>
      specTagOf(tag, args, context)?.policy == null
        ? null
        : context.policies.decisionOf(tag.streamId, tag.name, REPORTED),
  }),
)
