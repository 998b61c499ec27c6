import { and, eq, isNotNull } from 'drizzle-orm'
import { LRUCache } from 'lru-cache'
import type { Database } from '../../db/open.ts'
import { imageStreams, specTags } from '../../db/tables/index.ts'
import type { TagName } from '../../oci/tag.ts'
import { type Decision, decide } from '../../policy/decide.ts'
import { type TagPolicy, writePolicy } from '../../policy/policy.ts'
import { ruleOf } from '../../policy/rule.ts'
import { createPolicyCandidates } from './policy-candidates.ts'
import { createPolicyChoices, shortened, type TagDecision } from './policy-choice.ts'

/** Reads of the decisions of spec tags' policies, with their reasons. */
export type Policies = ReturnType<typeof createPolicies>

/** Decisions about a stream's own tags that are kept until the stream changes. */
const MAX_CACHED = 100

export function createPolicies(db: Database) {
  const candidates = createPolicyCandidates(db)
  const choices = createPolicyChoices(db)
  // a read must not cost what a write did: a pattern may take a second for ten thousand tags
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
