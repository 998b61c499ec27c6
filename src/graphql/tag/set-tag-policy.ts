import { randomUUID } from 'node:crypto'
import type { Import } from '../../imagestream/stored-import/import-state.ts'
import type { Tag } from '../../imagestream/tag/tag.ts'
import { checkWait, inputType, mutation, ofTag } from '../kit/inputs.ts'
import { ImageStreamTagType, ImportType } from '../kit/references.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { decisionKey, type IdentifiedDecision, TagPolicyDecisionType } from './policy-decision.ts'
import { TagPolicyInput } from './tag-policy.ts'
import { ImportModeEnum, TagReferencePolicyTypeEnum } from './tag-reference.ts'
import { tagOfStream } from './tags-of-stream.ts'

const SetTagPolicyInput = inputType('SetTagPolicyInput', {
  description: 'A tag, and the policy that chooses its image.',
  fields: (t) => ({
    namespace: t.streamNamespace(),
    imageStream: t.imageStreamOfTag(' The mutation creates the stream if it does not exist.'),
    tag: t.tag(),
    policy: t.requiredOne(TagPolicyInput, 'Policy that chooses the tag’s image.'),
    repository: t.string(
      'Repository whose tags the policy ranks at each import, for example `docker.io/library/ruby`. If omitted, the policy ranks the tags of the image stream whenever they change.',
    ),
    scheduled: t.flag(
      'Whether the server imports the repository periodically; the default is false. Only with `repository`.',
    ),
    insecure: t.flag(
      'Whether the import may use plain HTTP or accept an invalid certificate; the default is false. Only with `repository`.',
    ),
    importMode: t.one(
      ImportModeEnum,
      'Part of a multi-platform image that is imported. If omitted, the tag keeps its mode, or gets the server’s default mode if it is new. Only with `repository`.',
    ),
    referencePolicy: t.one(
      TagReferencePolicyTypeEnum,
      'Pull spec that clients get for the tag’s image. If omitted, the tag keeps its policy.',
    ),
    dryRun: t.flag('Whether to return the decision without storing anything; the default is false.'),
    resourceVersion: t.resourceVersion('has another one or does not exist'),
    waitSeconds: t.waitSeconds(),
  }),
})

interface SetTagPolicyResult {
  readonly imageStreamTag: Tag | null
  readonly decision: IdentifiedDecision | null
  readonly import: Import | null
}

const SetTagPolicyPayload = objectType<SetTagPolicyResult>('SetTagPolicyPayload', {
  description:
    'The tag after the wait, the decision of its policy, and the import that the mutation started.',
  properties: (t) => ({
    imageStreamTag: t.oneOrNull(ImageStreamTagType, 'The tag; null in a dry run if the tag does not exist.'),
    decision: t.oneOrNull(
      TagPolicyDecisionType,
      'Decision of the policy, in a dry run without effect. Null while the import has not reached the policy, and if the import failed: see `import`.',
    ),
    import: t.oneOrNull(
      ImportType,
      'Import of the repository; `importProgressed` reports its progress. Null if the policy ranks the stream’s own tags.',
    ),
  }),
})

mutation('setTagPolicy', {
  description:
    'Sets a policy that chooses the image of a tag from the tags of a repository or of the image stream. `tagImage`, `rollbackTag` and `importImage` with `from` remove the policy. `INVALID` for a policy that is malformed or has no effect.',
  access: 'configure',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # The tag "newest" follows the highest version 3.x of a repository.
    mutation SetTagPolicy {
      setTagPolicy(
        input: { imageStream: "ruby:newest", repository: "docker.io/library/ruby", policy: { order: SEMVER, range: "3.x" } }
      ) {
        imageStreamTag { name dockerImageReference }
        decision { chosen }
      }
    }
  `,
  input: SetTagPolicyInput,
  inputDescription: 'The tag and its policy.',
  payload: SetTagPolicyPayload,
  resolve: async (given, context) => {
    const input = ofTag(given)
    const { viewer, importer, streams, policies, setTagPolicy } = context
    const seconds = checkWait(input.waitSeconds)
    const existing = streams.byName(viewer, input.namespace, input.imageStream)
    if (existing && input.repository == null) await policies.applyFilters(existing.id, [input.policy])
    const { tag, importId, decision } = setTagPolicy(viewer, input)
    const finished = importId === null ? undefined : await importer.wait(importId, seconds)
    const stream = streams.byName(viewer, input.namespace, input.imageStream)
    const decided = decision()
    const key = stream && !input.dryRun ? decisionKey(stream.id, tag) : `dry run ${randomUUID()}`
    return {
      imageStreamTag: (stream && tagOfStream(stream, tag, context)) ?? null,
      decision: decided ? { ...decided, key } : null,
      import: finished ?? null,
    }
  },
})
