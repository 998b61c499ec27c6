import type { Database } from '../../db/open.ts'
import type { images, policyChoices, specTags } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import { decide } from '../../policy/decide.ts'
import { isRanked, type Ranked, type Rule, ruleOf } from '../../policy/rule.ts'
import { type CandidatesView, createPolicyCandidates } from '../tag/policy-candidates.ts'
import { createPolicyChoices } from '../tag/policy-choice.ts'
import { copiedChange, type TagAddress, type TagChange } from '../tag/tag-change.ts'

/** A tag that points to another image, or to the same one with another reference. */
export interface TagMove {
  readonly tag: TagName
  /** The image that it pointed to before; null where it had none. */
  readonly from: number | null
}

/** Changes of a stream's tags since its policies last chose. */
export interface ChangedTags {
  readonly moved: readonly TagMove[]
  /** Tags that were removed or confirmed to be gone, that recovered, or whose spec tag changed. */
  readonly rewritten: readonly TagName[]
  /** Milliseconds since 1970. */
  readonly at: number
}

interface PolicyRow extends TagAddress, Pick<typeof policyChoices.$inferSelect, 'chosen'> {
  readonly policy: NonNullable<(typeof specTags.$inferSelect)['policy']>
  readonly generation: number
}

/** Creates the choices of the policies of spec tags that choose among the tags of their own stream. */
export function createPolicyRules(db: Database) {
  const candidates = createPolicyCandidates(db)
  const choices = createPolicyChoices(db)
  // runs for each moved tag; without "indexed by" SQLite would read all spec tags, which are in the requested order
  const policiesOf = db.prepare<PolicyRow>(
    `select p.stream_id as streamId, s.namespace, s.name as streamName, p.name as tag, p.policy, p.generation, c.chosen
     from spec_tags p indexed by spec_tags_with_policy join image_streams s on s.id = p.stream_id
       left join policy_choices c on c.stream_id = p.stream_id and c.tag = p.name
     where p.stream_id = ? and p.policy is not null and p.from_kind is null order by p.name`,
  )
  const goneChoices = db.prepare<{ chosen: TagName }>(
    `select c.chosen from spec_tags p indexed by spec_tags_with_policy
       join policy_choices c on c.stream_id = p.stream_id and c.tag = p.name
       join tags t on t.stream_id = p.stream_id and t.name = c.chosen
     where p.stream_id = ? and p.policy is not null and p.from_kind is null and t.gone_at is not null`,
  )
  const created = db.prepare<Pick<typeof images.$inferSelect, 'createdAt'>>(
    'select created_at as createdAt from images where id = ?',
  )
  const createdAt = (imageId: number | null): number | null =>
    imageId === null ? null : (created.get(imageId)?.createdAt ?? null)

  return {
    /** Returns the chosen tags that their registry does not have any longer. */
    goneChoices: (streamId: number): TagName[] => goneChoices.all(streamId).map(({ chosen }) => chosen),
    /**
     * Stores the new choices and returns the changes of the tags with a policy: where the policy chooses another tag, where
     * the chosen tag moved, and where the policy itself was written. Compares the changed tags with the chosen one; reads
     * all tags of the stream only for a policy that was written, and where the chosen tag is gone or ranks lower than before.
     */
    choose(
      tx: Transaction,
      streamId: number,
      changed: ChangedTags,
    ): { readonly address: TagAddress; readonly change: TagChange }[] {
      const { moved, rewritten, at } = changed
      if (moved.length + rewritten.length === 0) return []
      const view = candidates.view(streamId)
      return policiesOf.all(streamId).flatMap((row) => {
        const { policy: _, generation, chosen: before, ...address } = row
        const chosen = chooseTag(row, changed, view, createdAt)
        const isNew = chosen !== before || rewritten.includes(row.tag)
        if (isNew) choices.recordOwn(tx, address, { chosen, at })
        if (chosen === null || !(isNew || moved.some(({ tag }) => tag === chosen))) return []
        // where no tag can be chosen the tag keeps its image, as a tag does whose source is removed
        const image = view.find(chosen)
        const copiedFrom = { namespace: address.namespace, name: address.streamName }
        return image ? [{ address, change: copiedChange(image, { generation, copiedFrom, at }) }] : []
      })
    },
  }
}

function chooseTag(
  { tag, policy, chosen }: Pick<PolicyRow, 'tag' | 'policy' | 'chosen'>,
  { moved, rewritten }: ChangedTags,
  view: CandidatesView,
  createdAt: (imageId: number | null) => number | null,
): TagName | null {
  const rule = ruleOf(policy)
  const chooseOfAll = () => decide(rule, view.all(), { shown: 0 }).chosen
  if (rewritten.includes(tag)) return chooseOfAll()
  let best = chosen === null ? undefined : rankOf(rule, chosen, view)
  if (chosen !== null) {
    if (!best) return chooseOfAll()
    const move = moved.find((one) => one.tag === chosen)
    if (move && isLower(rule, best, { tag: chosen, createdAt: createdAt(move.from) })) return chooseOfAll()
  }
  for (const changed of [...moved.map((one) => one.tag), ...rewritten]) {
    const other = rankOf(rule, changed, view)
    if (other && (!best || rule.compare(other, best) > 0)) best = other
  }
  return best?.tag ?? null
}

function rankOf(rule: Rule, tag: TagName, view: CandidatesView): Ranked | undefined {
  const image = view.find(tag)
  const ranked = image && rule.rank({ ...image, tag })
  return ranked && isRanked(ranked) ? ranked : undefined
}

/** Reports whether a tag ranks lower than the candidate that it was before. */
function isLower(rule: Rule, now: Ranked, before: Parameters<Rule['rank']>[0]): boolean {
  const ranked = rule.rank(before)
  return isRanked(ranked) && rule.compare(now, ranked) < 0
}
