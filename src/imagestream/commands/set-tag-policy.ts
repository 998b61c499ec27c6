import { onTag } from '../../access/audit/audit-entry.ts'
import { requireRight, type Viewer } from '../../access/right/viewer.ts'
import type { Transaction } from '../../db/transact.ts'
import { InvalidInputError } from '../../input/errors.ts'
import { checkRepository } from '../../input/names.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Decision } from '../../policy/decide.ts'
import { readPolicy, type TagPolicyInput } from '../../policy/policy.ts'
import type { ImportMode } from '../image/fetch-image.ts'
import { flag, type SpecTagContent } from '../spec/spec.ts'
import { policyText } from '../spec/spec-policy.ts'
import { withTag } from '../spec/spec-tags.ts'
import { REPORTED } from '../tag/policy-choice.ts'
import { importOfTag } from './import-image-plan.ts'
import { IMPORT_OPTIONS } from './tag-image.ts'
import {
  type CommandDependencies,
  checkTagInput,
  type ImportOptionsInput,
  importColumns,
  plannedStream,
  readTarget,
  requirePlanned,
  type TagInput,
  writeTarget,
} from './write-target.ts'

/** Input of `setTagPolicy`, which creates the stream where there is none. Null stands for undefined: the field is not set. */
export interface SetTagPolicyInput extends TagInput, ImportOptionsInput {
  readonly policy: TagPolicyInput
  /** Repository with the tags to choose from; by default these are the stream's own tags. */
  readonly repository?: string | null | undefined
  /** Decides without writing anything. */
  readonly dryRun: boolean
}

export interface SetTagPolicyOutcome {
  readonly tag: TagName
  /** The import that was requested; null for a policy over the stream's own tags. */
  readonly importId: number | null
  /** Returns the decision; undefined until the import of the repository has reached it. */
  decision(): PolicyDecision | undefined
}

export interface PolicyDecision extends Decision {
  /** Milliseconds since 1970; null for a decision that was not stored. */
  readonly decidedAt: number | null
}

/**
 * Sets the policy that chooses the image of a tag: among the stream's own tags at once and whenever they change, among a
 * repository's with the import that this requests and each later one. Throws InvalidInputError, ConflictError; then
 * nothing is written.
 */
export type SetTagPolicyCommand = ReturnType<typeof createSetTagPolicy>

export function createSetTagPolicy(dependencies: CommandDependencies) {
  const { db, audit, writer, importer, following, policies, importMode } = dependencies

  /** Returns the stream, and its spec with the policy. */
  const plan = (viewer: Viewer, tag: TagName, input: SetTagPolicyInput) => {
    const { namespace, imageStream: name, resourceVersion } = input
    const target = readTarget(dependencies, viewer, { namespace, name, resourceVersion })
    const { tags } = target.spec
    const content = contentOf(input, tags.get(tag), importMode)
    return { target, spec: { ...target.spec, tags: withTag(tags, tag, content) } }
  }

  const write = (
    tx: Transaction,
    viewer: Viewer,
    { tag, ...input }: SetTagPolicyInput & { readonly tag: TagName },
  ): SetTagPolicyOutcome => {
    const { target, spec } = plan(viewer, tag, { ...input, tag })
    const { stream } = writeTarget(tx, viewer, { writer, target }, { spec, fieldOf: () => 'repository' })
    audit.record(tx, viewer, onTag('setTagPolicy', { ...input, tag }))
    // an unchanged spec was not written, and the tag may have been pushed to since
    if (input.repository == null) {
      following.copySources(tx, viewer, { stream, tags: [], rewritten: [tag], fieldOf: () => 'tag' })
    }
    return {
      tag,
      importId: input.repository == null ? null : importer.request(tx, stream.id, importOfTag(tag)),
      decision: () => policies.decisionOf(stream.id, tag, REPORTED),
    }
  }

  const dryRun = (viewer: Viewer, tag: TagName, input: SetTagPolicyInput): SetTagPolicyOutcome => {
    const { target, spec } = plan(viewer, tag, input)
    if (input.repository == null) {
      const policy = readPolicy(policyText(input.policy, 'policy'))
      const decision = policies.preview(target.stream?.id ?? null, tag, policy, REPORTED)
      return { tag, importId: null, decision: () => ({ ...decision, decidedAt: null }) }
    }
    requirePlanned(viewer, target, spec)
    const importId = importer.dryRun(plannedStream(target, spec), importOfTag(tag))
    const decision = (): PolicyDecision | undefined => {
      const decided = importer.dryRunDecision(importId, tag)
      return decided && { ...decided, decidedAt: null }
    }
    return { tag, importId, decision }
  }

  return (viewer: Viewer, input: SetTagPolicyInput): SetTagPolicyOutcome => {
    requireRight(viewer, 'configure', { namespace: input.namespace, name: input.imageStream })
    const tag = checkTagInput(input)
    return input.dryRun
      ? dryRun(viewer, tag, input)
      : db.transact((tx) => write(tx, viewer, { ...input, tag }))
  }
}

function contentOf(
  input: SetTagPolicyInput,
  old: SpecTagContent | undefined,
  importMode: ImportMode,
): SpecTagContent {
  const { repository = null } = input
  const option = IMPORT_OPTIONS.find((name) => input[name])
  if (repository === null && option) {
    throw new InvalidInputError(
      option,
      `${option} is for a policy over a repository: without "repository" the policy chooses among the stream's own tags, which are not imported for it`,
    )
  }
  return {
    ...importColumns(input, old, importMode),
    fromKind: repository === null ? null : 'DockerImage',
    fromName: repository === null ? null : checkRepository(repository, 'repository'),
    fromNamespace: null,
    policy: policyText(input.policy, 'policy'),
    reference: flag(false),
  }
}
