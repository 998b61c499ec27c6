import { type PolicyFilter, readPolicy, type TagPolicy } from '../../policy/policy.ts'
import { builder } from '../kit/builder.ts'
import { inputType } from '../kit/inputs.ts'
import { TagReferenceType } from '../kit/references.ts'
import { enumType, objectType } from '../kit/types.ts'

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

builder.objectField(TagReferenceType, 'policy', (t) =>
  t.field({
    type: TagPolicyType,
    nullable: true,
    description:
      'Policy that chooses the tag’s image: from the tags of the repository in `from`, or without `from` from the tags of the image stream. Null if the tag has no policy.',
    resolve: ({ policy }) => (policy === null ? null : readPolicy(policy)),
  }),
)
