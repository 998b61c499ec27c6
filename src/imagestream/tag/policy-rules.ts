import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import { decide } from '../../policy/decide.ts'
import { isRanked, type Ranked, type Rule, ruleOf } from '../../policy/rule.ts'
import { type CandidatesNow, createPolicyCandidates } from './policy-candidates.ts'
import { createPolicyChoices } from './policy-choice.ts'
import { type TagAddress, type TagChange, takenOver } from './tag-change.ts'

/** A tag that means another image now, or the same one from elsewhere. */
export interface MovedTag {
  readonly tag: TagName
  /** The image that it meant before; null where it meant none. */
  readonly from: number | null
}

/** What happened to a stream's tags since its rules last chose. */
export interface ChangedTags {
  readonly moved: readonly MovedTag[]
  /** Tags that are gone, or of which the spec says something else. */
  readonly rewritten: readonly TagName[]
  /** Milliseconds since 1970. */
  readonly at: number
}

/** The rules of spec tags that choose among the tags of their own stream. */
export interface PolicyRules {
  /**
   * What tags with rules get: where the rule chooses another tag, where the one that it chose moved, and where the rule
   * itself was written. What changed is compared with what was chosen before; all of the stream is looked at only for a
   * rule that was written, and where what was chosen is gone or ranks lower than it did.
   */
  choose(
    tx: Transaction,
    streamId: number,
    changed: ChangedTags,
  ): { readonly address: TagAddress; readonly change: TagChange }[]
}

interface RuleRow extends TagAddress {
  readonly policy: string
  readonly generation: number
  readonly chosen: TagName | null
}

export function createPolicyRules(db: Database): PolicyRules {
  const candidates = createPolicyCandidates(db)
  const choices = createPolicyChoices(db)
  // each moved tag asks: left to itself SQLite goes through all spec tags, which are in order already
  const ofStream = db.prepare<RuleRow>(
    `select p.stream_id as streamId, s.namespace, s.name as streamName, p.name as tag, p.policy, p.generation, c.chosen
     from spec_tags p indexed by spec_tags_with_policy join image_streams s on s.id = p.stream_id
       left join policy_choices c on c.stream_id = p.stream_id and c.tag = p.name
     where p.stream_id = ? and p.policy is not null and p.from_kind is null order by p.name`,
  )
  const created = db.prepare<{ createdAt: number | null }>(
    'select created_at as createdAt from images where id = ?',
  )

  const rank = (rule: Rule, tag: TagName, now: CandidatesNow): Ranked | undefined => {
    const meaning = now.find(tag)
    const ranked = meaning && rule.rank({ tag, createdAt: meaning.createdAt })
    return ranked && isRanked(ranked) ? ranked : undefined
  }

  const isLowerThanBefore = (rule: Rule, now: Ranked, { tag, from }: MovedTag): boolean => {
    const { createdAt = null } = (from !== null && created.get(from)) || {}
    const before = rule.rank({ tag, createdAt })
    return isRanked(before) && rule.compare(now, before) < 0
  }

  const chooseOf = (
    { tag, policy, chosen }: RuleRow,
    { moved, rewritten }: ChangedTags,
    now: CandidatesNow,
  ): TagName | null => {
    const rule = ruleOf(policy)
    const chooseOfAll = () => decide(rule, now.all(), { shown: 0 }).chosen
    if (rewritten.includes(tag)) return chooseOfAll()
    let best = chosen === null ? undefined : rank(rule, chosen, now)
    if (chosen !== null) {
      const itself = moved.find((one) => one.tag === chosen)
      if (!best || (itself && isLowerThanBefore(rule, best, itself))) return chooseOfAll()
    }
    for (const changed of [...moved.map((one) => one.tag), ...rewritten]) {
      const other = rank(rule, changed, now)
      if (other && (!best || rule.compare(other, best) > 0)) best = other
    }
    return best?.tag ?? null
  }

  return {
    choose(tx, streamId, changed) {
      const { moved, rewritten, at } = changed
      if (moved.length + rewritten.length === 0) return []
      const now = candidates.look(streamId)
      return ofStream.all(streamId).flatMap((row) => {
        const { policy: _, generation, chosen: before, ...address } = row
        const chosen = chooseOf(row, changed, now)
        const isNew = chosen !== before || rewritten.includes(row.tag)
        if (isNew) choices.recordOwn(tx, address, { chosen, at })
        if (chosen === null || !(isNew || moved.some(({ tag }) => tag === chosen))) return []
        // where none is left the tag keeps what it has, as one does whose source is gone
        const meaning = now.find(chosen)
        return meaning ? [{ address, change: takenOver(meaning, { generation, at }) }] : []
      })
    },
  }
}
