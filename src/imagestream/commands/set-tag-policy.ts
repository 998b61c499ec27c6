import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import { checkRepository } from '../../input/check-reference.ts'
import { InvalidInputError } from '../../input/errors.ts'
import { checkNamespace, checkStreamName, checkTagName } from '../../input/names.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Decision } from '../../policy/decide.ts'
import { readPolicy, type TagPolicyInput } from '../../policy/policy.ts'
import type { ImportMode } from '../image/fetch-image.ts'
import type { Importer } from '../import/import.ts'
import type { ImportRequest } from '../request/import-plan.ts'
import { emptySpec } from '../spec/change-spec.ts'
import { checkResourceVersion } from '../spec/resource-version.ts'
import { flag, type ImageStream, type Spec, type SpecTagContent } from '../spec/spec.ts'
import { policyText } from '../spec/spec-policy.ts'
import type { Following } from '../stream/follow.ts'
import type { Streams } from '../stream/stream.ts'
import type { Policies } from '../tag/policies.ts'
import { REPORTED } from '../tag/policy-choice.ts'
import { imagine, NOBODY } from './import-image.ts'
import type { StreamWriter } from './write-stream.ts'

/** Which rule is to choose what a tag means; null and undefined mean that nothing is said. */
export interface SetTagPolicy {
  readonly namespace: string
  /** Created where there is none. */
  readonly imageStream: string
  readonly tag: string
  readonly policy: TagPolicyInput
  /** Where the tags to choose from are; without it they are the stream's own. */
  readonly repository?: string | null | undefined
  readonly scheduled: boolean
  readonly insecure: boolean
  readonly importMode?: ImportMode | null | undefined
  readonly referencePolicy?: 'Source' | 'Local' | null | undefined
  /** Only says what would be chosen. */
  readonly dryRun: boolean
  readonly resourceVersion?: string | null | undefined
}

export interface TagPolicySet {
  readonly tag: TagName
  /** The import that was begun, when the tags are a repository's. */
  readonly importId: number | null
  /** What is chosen as far as it is known: of a repository, when the import has come to it. */
  decision(): DecisionNow | undefined
}

export interface DecisionNow extends Decision {
  /** Milliseconds since 1970; null where nothing was stored. */
  readonly decidedAt: number | null
}

/**
 * Lets a rule choose what a tag means, of the stream's own tags at once and from now on, of a repository's with the import
 * that this begins and each one after. Throws InvalidInputError, ConflictError; then nothing is written.
 */
export type SetTagPolicyCommand = (input: SetTagPolicy) => TagPolicySet

export interface SetTagPolicyDependencies {
  readonly db: Database
  readonly streams: Streams
  readonly writer: StreamWriter
  readonly importer: Importer
  readonly following: Pick<Following, 'takeOver'>
  readonly policies: Policies
  /** How streams import that do not say. */
  readonly importMode: ImportMode
}

export function createSetTagPolicy(dependencies: SetTagPolicyDependencies): SetTagPolicyCommand {
  const { db, streams, writer, importer, following, policies, importMode } = dependencies

  const specWith = (tag: TagName, input: SetTagPolicy, existing: ImageStream | undefined): Spec => {
    const spec = existing ? streams.spec(existing) : emptySpec(importMode)
    const content = contentOf(input, spec.tags.get(tag), importMode)
    return { ...spec, tags: new Map(spec.tags).set(tag, content) }
  }

  const write = (tx: Transaction, tag: TagName, input: SetTagPolicy): TagPolicySet => {
    const home = { namespace: input.namespace, name: input.imageStream }
    const existing = streams.byName(home.namespace, home.name)
    checkResourceVersion({ ...home, resourceVersion: input.resourceVersion }, existing)
    const spec = specWith(tag, input, existing)
    const { stream } = existing ? writer.writeSpec(tx, existing, spec) : writer.insert(tx, home, spec)
    // a spec that said so already was not written: the tag may have been pushed to since
    if (input.repository == null) {
      following.takeOver(tx, stream, { tags: [], rewritten: [tag], fieldOf: () => 'tag' })
    }
    return {
      tag,
      importId: input.repository == null ? null : importer.request(tx, stream.id, importOf(tag)),
      decision: () => policies.decisionOf(stream.id, tag, REPORTED),
    }
  }

  const rehearse = (tag: TagName, input: SetTagPolicy): TagPolicySet => {
    const { namespace, imageStream: name, resourceVersion } = input
    const existing = streams.byName(namespace, name)
    checkResourceVersion({ namespace, name, resourceVersion }, existing)
    const spec = specWith(tag, input, existing)
    if (input.repository == null) {
      const policy = readPolicy(policyText(input.policy, 'policy'))
      const decision = policies.preview(existing?.id ?? null, tag, policy, REPORTED)
      return { tag, importId: null, decision: () => ({ ...decision, decidedAt: null }) }
    }
    const importId = importer.dryRun(imagine(existing ?? NOBODY, input, spec), importOf(tag))
    return {
      tag,
      importId,
      decision: () => {
        const decision = importer.dryRunDecision(importId, tag)
        return decision && { ...decision, decidedAt: null }
      },
    }
  }

  return (input) => {
    checkNamespace(input.namespace)
    checkStreamName(input.namespace, input.imageStream, 'imageStream')
    const tag = checkTagName(input.tag)
    return input.dryRun ? rehearse(tag, input) : db.transact((tx) => write(tx, tag, input))
  }
}

const importOf = (tag: TagName): ImportRequest => ({
  repository: false,
  specTags: [tag],
  repositoryTags: [],
})

/** Options of an import: they say how a registry is asked. */
const IMPORT_OPTIONS = ['scheduled', 'insecure', 'importMode'] as const

function contentOf(
  input: SetTagPolicy,
  old: SpecTagContent | undefined,
  importMode: ImportMode,
): SpecTagContent {
  const { repository = null } = input
  if (repository === null) {
    for (const option of IMPORT_OPTIONS) {
      if (!input[option]) continue
      throw new InvalidInputError(
        option,
        `${option} is for a repository, which is asked for its tags: without "repository" the policy chooses among the stream's own, as soon as they change`,
      )
    }
  }
  return {
    annotations: old?.annotations ?? '[]',
    fromKind: repository === null ? null : 'DockerImage',
    fromName: repository === null ? null : checkRepository(repository, 'repository'),
    fromNamespace: null,
    policy: policyText(input.policy, 'policy'),
    reference: flag(false),
    insecure: flag(input.insecure),
    scheduled: flag(input.scheduled),
    importMode: input.importMode ?? old?.importMode ?? importMode,
    referencePolicy: input.referencePolicy ?? old?.referencePolicy ?? 'Source',
  }
}
