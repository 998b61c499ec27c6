import type { PolicyDecision } from '../../imagestream/commands/set-tag-policy.ts'
import type { Import } from '../../imagestream/request/import-rows.ts'
import type { Tag } from '../../imagestream/tag/tag.ts'
import { builder } from '../kit/builder.ts'
import { ImageStreamTagType, ImportType } from '../kit/object-types.ts'
import { checkWait, WAIT_DESCRIPTION } from '../kit/wait.ts'
import { tagOfStream } from './image-stream-tag.ts'
import { TagPolicyDecisionType, TagPolicyInput } from './tag-policy.ts'
import { ImportModeEnum, TagReferencePolicyTypeEnum } from './tag-reference.ts'

const SetTagPolicyInput = builder.inputType('SetTagPolicyInput', {
  description: 'A tag, and the rule that is to choose what it means.',
  fields: (t) => ({
    namespace: t.string({ required: true, defaultValue: 'default', description: 'Namespace of the stream.' }),
    imageStream: t.string({
      required: true,
      description: 'Name of the stream, which is created where there is none.',
    }),
    tag: t.string({ required: true, description: 'The tag to set: `stable`.' }),
    policy: t.field({
      type: TagPolicyInput,
      required: true,
      description: 'The rule that chooses what it means.',
    }),
    repository: t.string({
      description:
        'Repository of which the rule chooses a tag, with each import: `docker.io/library/ruby`. When left out it chooses among the stream’s own tags, as soon as they change.',
    }),
    scheduled: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Imports it again and again without being asked. Only with `repository`.',
    }),
    insecure: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Accepts plain HTTP, or a certificate that does not verify. Only with `repository`.',
    }),
    importMode: t.field({
      type: ImportModeEnum,
      description: 'What to take of an image for several platforms. Only with `repository`.',
    }),
    referencePolicy: t.field({
      type: TagReferencePolicyTypeEnum,
      description: 'Which pull spec to give out; when left out, the one that the tag has already.',
    }),
    dryRun: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Only shows what would be chosen, and why; nothing is stored.',
    }),
    resourceVersion: t.string({
      description:
        'Refuses with `CONFLICT` unless this is still the stream’s newest version, or where there is no such stream.',
    }),
    waitSeconds: t.int({ required: true, defaultValue: 30, description: WAIT_DESCRIPTION }),
  }),
})

interface Payload {
  readonly imageStreamTag: Tag | null
  readonly decision: PolicyDecision | null
  readonly import: Import | null
}

const SetTagPolicyPayload = builder.objectRef<Payload>('SetTagPolicyPayload').implement({
  description: 'The tag as it stands after waiting, what was chosen for it, and the import that this began.',
  fields: (t) => ({
    imageStreamTag: t.field({
      type: ImageStreamTagType,
      nullable: true,
      description: 'The tag; null in a dry run for one that is not there.',
      resolve: ({ imageStreamTag }) => imageStreamTag,
    }),
    decision: t.field({
      type: TagPolicyDecisionType,
      nullable: true,
      description:
        'What was chosen and why, in a dry run what would be; null while the import has not come to it, and when it could not: `import` says why.',
      resolve: ({ decision }) => decision,
    }),
    import: t.field({
      type: ImportType,
      nullable: true,
      description:
        'The import of the repository, to follow with `importProgressed`; null for the stream’s own tags.',
      resolve: (payload) => payload.import,
    }),
  }),
})

builder.mutationField('setTagPolicy', (t) =>
  t.field({
    type: SetTagPolicyPayload,
    description:
      'Lets a rule choose from now on what a tag means: among the tags of a repository, or of its own stream. `tagImage`, `rollbackTag` and `importImage` with `from` end that. `INVALID` for a rule that cannot be read or has no effect.',
    args: {
      input: t.arg({ type: SetTagPolicyInput, required: true, description: 'The tag and its rule.' }),
    },
    resolve: async (_mutation, { input }, context) => {
      const { importer, streams, setTagPolicy } = context
      const seconds = checkWait(input.waitSeconds)
      const { tag, importId, decision } = setTagPolicy(input)
      const finished = importId === null ? undefined : await importer.wait(importId, seconds)
      const stream = streams.byName(input.namespace, input.imageStream)
      return {
        imageStreamTag: (stream && tagOfStream(stream, tag, context)) ?? null,
        decision: decision() ?? null,
        import: finished ?? null,
      }
    },
  }),
)
