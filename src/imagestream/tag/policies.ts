import type { Database } from '../../db/open.ts'
import type { TagName } from '../../oci/tag.ts'
import { type Decision, decide } from '../../policy/decide.ts'
import { type TagPolicy, writePolicy } from '../../policy/policy.ts'
import { ruleOf } from '../../policy/rule.ts'
import { createPolicyCandidates } from './policy-candidates.ts'
import { createPolicyChoices, type TagDecision } from './policy-choice.ts'

/** What the rules of spec tags choose, and why: for who asks. */
export interface Policies {
  /**
   * Of a rule over the stream's own tags as they are now; of one over a repository as its last import found it. At most
   * `shown` entries of each kind. Undefined where the tag has no rule, or none that was applied yet.
   */
  decisionOf(streamId: number, tag: TagName, shown: number): TagDecision | undefined
  /** What a rule would choose of the stream's own tags for a tag of this name; without a stream there are none. */
  preview(streamId: number | null, tag: TagName, policy: TagPolicy, shown: number): Decision
}

/** Decisions about a stream's own tags that are remembered while the stream stays as it is. */
const REMEMBERED = 100

export function createPolicies(db: Database): Policies {
  const candidates = createPolicyCandidates(db)
  const choices = createPolicyChoices(db)
  const policyOf = db.prepare<{ policy: string; isOwn: 0 | 1; resourceVersion: number }>(
    `select policy, from_kind is null as isOwn, resource_version as resourceVersion
     from spec_tags p join image_streams s on s.id = p.stream_id
     where p.stream_id = ? and p.name = ? and policy is not null`,
  )
  const remembered = new Map<string, { readonly resourceVersion: number; readonly decision: Decision }>()

  const decideNow = (streamId: number, tag: TagName, policy: string, shown: number): Decision =>
    decide(ruleOf(policy), candidates.all(streamId, tag), {
      shown,
      excludedAlready: candidates.others(streamId, tag),
    })

  // a read must not cost what a write did: a pattern may take a second for ten thousand tags
  const once = (key: string, resourceVersion: number, decideIt: () => Decision): Decision => {
    const known = remembered.get(key)
    const decision = known?.resourceVersion === resourceVersion ? known.decision : decideIt()
    // the longest unused goes first
    remembered.delete(key)
    remembered.set(key, { resourceVersion, decision })
    if (remembered.size > REMEMBERED) remembered.delete(remembered.keys().next().value ?? '')
    return decision
  }

  return {
    decisionOf(streamId, tag, shown) {
      const rule = policyOf.get(streamId, tag)
      const choice = rule && choices.find(streamId, tag)
      if (!choice) return undefined
      const { decidedAt, report } = choice
      if (rule.isOwn) {
        const key = `${streamId}/${tag} ${shown}`
        const decision = once(key, rule.resourceVersion, () => decideNow(streamId, tag, rule.policy, shown))
        return { ...decision, decidedAt }
      }
      return report
        ? {
            ...report,
            ranked: report.ranked.slice(0, shown),
            excluded: report.excluded.slice(0, shown),
            decidedAt,
          }
        : undefined
    },
    preview: (streamId, tag, policy, shown) =>
      streamId === null
        ? decide(ruleOf(writePolicy(policy)), [], { shown })
        : decideNow(streamId, tag, writePolicy(policy), shown),
  }
}
