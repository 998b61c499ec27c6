import type { PolicyDecision } from '../../imagestream/commands/set-tag-policy.ts'
import { REPORTED } from '../../imagestream/tag/policy-choice.ts'
import type { ExcludedTag, RankedTag } from '../../policy/decide.ts'
import { type PolicyFilter, readPolicy, type TagPolicy } from '../../policy/policy.ts'
import { builder } from '../kit/builder.ts'
import { firstArg, inputType } from '../kit/inputs.ts'
import { ImageStreamTagType, TagReferenceType } from '../kit/references.ts'
import { enumType, objectType } from '../kit/types.ts'
import { specTagOf } from './image-stream-tag.ts'

const TagPolicyOrderEnum = enumType('TagPolicyOrder', {
  description:
    'Value by which a policy ranks tags. The policy chooses the highest, or with `lowest` the lowest.',
  values: {
    SEMVER:
      'Semantic version: `1.2.3`, `v1.2`, `1.2.3-rc1`. `1.2` equals 1.2.0; a single number is not a version.',
    NUMERICAL: 'Number of any length: `20240131`, `7.25`.',
    ALPHABETICAL: 'Text, compared byte by byte.',
    NEWEST:
      'Creation time that the image declares. For an index in a registry, the time of the image for linux/amd64 or for the platform in the spec tag’s annotations. At most 500 tags of a repository are ranked.',
  },
})

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

const TagFilterType = objectType<PolicyFilter>('TagFilter', {
  description: 'Filter of tags by name, and the part of the name that the policy compares.',
  properties: (t) => ({
    pattern: t.string(
      'Regular expression in RE2 syntax. It matches anywhere in the name unless it is anchored.',
    ),
    extract: t.stringOrNull(
      'Template of the compared part with the pattern’s groups, for example `$1.$2`. Null for the first group, or for the whole name if the pattern has no group.',
    ),
  }),
})

const TagPolicyType = objectType<TagPolicy>('TagPolicy', {
  description:
    'A policy that chooses the image of a tag from the tags of a repository or of its own image stream.',
  properties: (t) => ({
    order: t.one(TagPolicyOrderEnum, 'Value by which the policy ranks tags.'),
    range: t.stringOrNull('Range of versions in npm syntax, for order `SEMVER`; null for any version.'),
    includePrereleases: t.boolean(
      'Whether pre-releases are included even if the range does not contain a pre-release, for order `SEMVER`.',
    ),
    lowest: t.boolean(
      'Whether the policy chooses the lowest or oldest tag instead of the highest or newest.',
    ),
    filter: t.oneOrNull(TagFilterType, 'Filter of tags by name; null if all tags are ranked.'),
  }),
  fields: (t) => ({
    artifacts: t.boolean({
      description: 'Whether the policy also chooses artifacts, such as Helm charts.',
      resolve: ({ artifacts = false }) => artifacts,
    }),
  }),
})

const RankedTagType = objectType<RankedTag>('PolicyRankedTag', {
  description: 'A tag that a policy can choose.',
  properties: (t) => ({
    tag: t.string('Name of the tag.'),
    value: t.string('Compared value: a version, a number, a text, or a time in RFC 3339 format.'),
    message: t.string('Human-readable explanation of the tag’s rank.'),
  }),
})

const ExcludedTagType = objectType<ExcludedTag>('PolicyExcludedTag', {
  description: 'A tag that a policy cannot choose.',
  properties: (t) => ({
    tag: t.string('Name of the tag.'),
    value: t.stringOrNull('Value to compare; null if the tag was excluded before the value was determined.'),
    reason: t.one(TagExclusionReasonEnum, 'Machine-readable reason for the exclusion.'),
    message: t.string('Human-readable reason for the exclusion.'),
  }),
})

const { args, complexity, check } = firstArg('tags', { min: 0, max: REPORTED })

/** The decision of a policy. */
export const TagPolicyDecisionType = objectType<PolicyDecision>('TagPolicyDecision', {
  description: 'Decision of a policy, with the ranked and excluded tags.',
  properties: (t) => ({
    chosen: t.stringOrNull(
      'Name of the chosen tag. Null if no tag could be chosen: the tag with the policy keeps its image.',
    ),
    decidedAt: t.dateTimeOrNull(
      'Time at which an import last read the repository. For a policy over the stream’s own tags, the time at which the choice last changed. Null in a dry run.',
    ),
    rankedCount: t.int('Number of tags that could be chosen.'),
    excludedCount: t.int('Number of tags that could not be chosen.'),
  }),
  fields: (t) => ({
    ranked: t.field({
      type: [RankedTagType],
      description: 'Tags that could be chosen, in rank order: the chosen tag first.',
      args,
      complexity,
      resolve: ({ ranked }, { first }) => ranked.slice(0, check(first)),
    }),
    excluded: t.field({
      type: [ExcludedTagType],
      description: 'Tags that could not be chosen, those that came closest to it first.',
      args,
      complexity,
      resolve: ({ excluded }, { first }) => excluded.slice(0, check(first)),
    }),
  }),
})

const TagFilterInput = inputType('TagFilterInput', {
  description: 'Filter of tags by name, and the part of the name that the policy compares.',
  fields: (t) => ({
    pattern: t.requiredString(
      'Regular expression in RE2 syntax, for example `^(\\d+\\.\\d+\\.\\d+)-slim$`; at most 1000 characters. It matches anywhere in the name unless it is anchored.',
    ),
    extract: t.string(
      'Template of the compared part with the pattern’s groups, for example `$1.$2`; named groups are in braces after the `$`. At most 255 characters; not allowed with order `NEWEST`. If omitted, the first group, or the whole name if the pattern has no group.',
    ),
  }),
})

export const TagPolicyInput = inputType('TagPolicyInput', {
  description: 'A policy that chooses the image of a tag.',
  fields: (t) => ({
    order: t.requiredOne(TagPolicyOrderEnum, 'Value by which the policy ranks tags.'),
    range: t.string(
      'Range of versions in npm syntax, for example `^3.3` or `>=1.2 <2 || 3.x`; at most 255 characters. Only for order `SEMVER`. If omitted, any version is in the range.',
    ),
    includePrereleases: t.flag(
      'Whether to include pre-releases; the default is false. `3.3.6-slim` is a pre-release, unless the filter extracts `3.3.6`. Only for order `SEMVER`.',
    ),
    lowest: t.flag(
      'Whether to choose the lowest or oldest tag instead of the highest or newest; the default is false.',
    ),
    artifacts: t.flag(
      'Whether to choose among artifacts, such as Helm charts, as well as images; the default is false.',
    ),
    filter: t.one(TagFilterInput, 'Filter of tags by name. If omitted, all tags are ranked.'),
  }),
})

// each decision ranks all tags of the stream: some milliseconds for ten thousand
const DECISION_COMPLEXITY = 200

builder.objectField(TagReferenceType, 'policy', (t) =>
  t.field({
    type: TagPolicyType,
    nullable: true,
    description:
      'Policy that chooses the tag’s image: from the tags of the repository in `from`, or without `from` from the tags of the image stream. Null if the tag has no policy.',
    resolve: ({ policy }) => (policy === null ? null : readPolicy(policy)),
  }),
)

builder.objectField(ImageStreamTagType, 'policyDecision', (t) =>
  t.field({
    type: TagPolicyDecisionType,
    nullable: true,
    complexity: DECISION_COMPLEXITY,
    description:
      'Decision of the tag’s policy: for the stream’s own tags, computed now; for a repository, from the last import. Null if the tag has no policy, and before the first import.',
    async resolve(tag, args, context) {
      const spec = specTagOf(tag, args, context)
      if (!spec || spec.policy === null) return null
      if (spec.fromKind === null) await context.policies.applyFilters(tag.streamId, [readPolicy(spec.policy)])
      return context.policies.decisionOf(tag.streamId, tag.name, REPORTED)
    },
  }),
)
