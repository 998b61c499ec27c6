import { and, eq, isNotNull } from 'drizzle-orm'
import { LRUCache } from 'lru-cache'
import { inBatches, turnToRead } from '../../concurrency/yielding.ts'
import type { Database } from '../../db/open.ts'
import { imageStreams, specTags } from '../../db/tables/index.ts'
import { InvalidInputError } from '../../input/errors.ts'
import type { TagName } from '../../oci/tag.ts'
import { checkPolicy } from '../../policy/check-policy.ts'
import { type Decision, decide } from '../../policy/decide.ts'
import { type TagPolicy, type TagPolicyInput, writePolicy } from '../../policy/policy.ts'
import { NAMES_A_TURN, type Rule, ruleOf } from '../../policy/rule.ts'
import { createPolicyCandidates } from './policy-candidates.ts'
import { createPolicyChoices, shortened, type TagDecision } from './policy-choice.ts'

/** Reads of the decisions of spec tags' policies, with their reasons. */
export type Policies = ReturnType<typeof createPolicies>

/** Decisions about a stream's own tags that are kept until the stream changes. */
const MAX_CACHED = 100

export function createPolicies(db: Database) {
  const candidates = createPolicyCandidates(db)
  const choices = createPolicyChoices(db)
  // a read must not cost what a write did
  const cache = new LRUCache<string, Decision>({ max: MAX_CACHED })

  const decideNow = (streamId: number, tag: TagName, policy: string, limit: number): Decision =>
    decide(ruleOf(policy), candidates.all(streamId, tag), {
      shown: limit,
      excludedAlready: candidates.excluded(streamId, tag),
    })

  const findPolicy = (streamId: number, tag: TagName) =>
    db.orm
      .select({
        policy: specTags.policy,
        fromKind: specTags.fromKind,
        resourceVersion: imageStreams.resourceVersion,
      })
      .from(specTags)
      .innerJoin(imageStreams, eq(imageStreams.id, specTags.streamId))
      .where(and(eq(specTags.streamId, streamId), eq(specTags.name, tag), isNotNull(specTags.policy)))
      .get()

  return {
    /**
     * Applies the filters of policies to a stream's own tags in parts, between which other work runs. A decision or a
     * transaction that applies the policies next, and cannot yield, finds the results. Ignores invalid policies.
     */
    async applyFilters(
      streamId: number,
      policies: Iterable<TagPolicyInput>,
      signal?: AbortSignal,
    ): Promise<void> {
      const rules = [...policies].flatMap((policy) => (policy.filter ? (validRule(policy) ?? []) : []))
      if (rules.length === 0) return
      const names = candidates.view(streamId).all()
      for (const rule of rules) {
        for (const some of inBatches(names, NAMES_A_TURN)) {
          await turnToRead(signal)
          for (const candidate of some) rule.rank(candidate)
        }
      }
    },
    /**
     * Returns the decision of a tag's policy: over the stream's own tags as they are now, or over a repository as the last
     * import found it. At most `limit` ranked and `limit` excluded tags. Undefined where the tag has no policy, or one that
     * was not applied yet.
     */
    decisionOf(streamId: number, tag: TagName, limit: number): TagDecision | undefined {
      const spec = findPolicy(streamId, tag)
      const choice = spec && choices.find(streamId, tag)
      if (!choice || spec.policy === null) return undefined
      const { decidedAt, report } = choice
      if (spec.fromKind === null) {
        const key = `${streamId}/${tag} ${limit} ${spec.resourceVersion}`
        const decision = cache.get(key) ?? decideNow(streamId, tag, spec.policy, limit)
        cache.set(key, decision)
        return { ...decision, decidedAt }
      }
      return report ? { ...shortened(report, limit), decidedAt } : undefined
    },
    /** Returns the decision of a policy that a tag of the stream could have; null for a stream that does not exist. */
    preview: (streamId: number | null, tag: TagName, policy: TagPolicy, limit: number): Decision =>
      streamId === null
        ? decide(ruleOf(writePolicy(policy)), [], { shown: limit })
        : decideNow(streamId, tag, writePolicy(policy), limit),
  }
}

function validRule(policy: TagPolicyInput): Rule | undefined {
  try {
    return ruleOf(writePolicy(checkPolicy(policy)))
  } catch (error) {
    if (error instanceof InvalidInputError) return undefined
    throw error
  }
}
