import type { Database } from '../../db/open.ts'
import type { policyChoices } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Decision } from '../../policy/decide.ts'
import type { TagAddress } from './tag-change.ts'
import { createStreamVersions } from './tag-rows.ts'

type ChoiceRow = Pick<typeof policyChoices.$inferSelect, 'decidedAt' | 'report'>

/** The choice of a spec tag's policy, with its reasons. */
export interface TagDecision extends Decision {
  /**
   * When the repository was last imported; for a policy over the stream's own tags, when it last chose another tag.
   * Milliseconds since 1970.
   */
  readonly decidedAt: number
}

/** Why a policy over a repository did not choose tags that it would choose before the chosen one. */
export interface PassedOver {
  /** `NotFound` where the registry lists the tag and does not find it by name. */
  readonly reason: 'NotFound' | 'InvalidManifest'
  readonly message: string
}

/** The imported choice of a policy over a repository. */
export interface ImportedChoice extends TagDecision {
  /** Null where no tag was passed over. */
  readonly passedOver: PassedOver | null
}

export interface StoredChoice extends Pick<ChoiceRow, 'decidedAt'> {
  /** The decision about a repository; null where the candidates are the stream's own tags, which can be read again. */
  readonly report: Decision | null
}

/** Maximum number of ranked and of excluded tags that are stored of a decision about a repository. */
export const REPORTED = 100

/** Returns the decision with at most `limit` ranked and `limit` excluded tags. */
export const shortened = (decision: Decision, limit: number): Decision => ({
  ...decision,
  ranked: decision.ranked.slice(0, limit),
  excluded: decision.excluded.slice(0, limit),
})

/** Rows with the choices of policies. A row is deleted with its spec tag. */
export type PolicyChoices = ReturnType<typeof createPolicyChoices>

export function createPolicyChoices(db: Database) {
  const find = db.prepare<ChoiceRow>(
    'select decided_at as decidedAt, report from policy_choices where stream_id = ? and tag = ?',
  )
  const held = db.prepare<Pick<typeof policyChoices.$inferSelect, 'chosen'>>(
    'select chosen from policy_choices where stream_id = ? and tag = ?',
  )
  const saveReport = db.prepare(`
    insert into policy_choices (stream_id, tag, chosen, decided_at, report)
    select stream_id, name, null, ?, ? from spec_tags where stream_id = ? and name = ? and policy is not null
    on conflict (stream_id, tag) do update set decided_at = excluded.decided_at, report = excluded.report`)
  const save = db.prepare(`
    insert into policy_choices (stream_id, tag, chosen, decided_at, report)
    select stream_id, name, ?, ?, ? from spec_tags where stream_id = ? and name = ? and policy is not null
    on conflict (stream_id, tag) do update
    set chosen = excluded.chosen, decided_at = excluded.decided_at, report = excluded.report, missing_since = null`)
  const missing = db.prepare<Pick<typeof policyChoices.$inferSelect, 'missingSince'>>(
    'select missing_since as missingSince from policy_choices where stream_id = ? and tag = ?',
  )
  const setMissing = db.prepare('update policy_choices set missing_since = ? where stream_id = ? and tag = ?')

  const savePassedOver = db.prepare(`
    update policy_choices set passed_over_reason = ?, passed_over_message = ?,
      passed_over_since = case when ? is not null then coalesce(passed_over_since, ?) end
    where stream_id = ? and tag = ? and (passed_over_reason, passed_over_message) is not (?, ?)`)
  const versions = createStreamVersions(db)

  return {
    find(streamId: number, tag: TagName): StoredChoice | undefined {
      const row = find.get(streamId, tag)
      return row && { ...row, report: row.report === null ? null : JSON.parse(row.report) }
    },
    /** Returns the upstream tag that a policy over a repository last chose and that was imported; null for none. */
    held: (streamId: number, tag: TagName): TagName | null => held.get(streamId, tag)?.chosen ?? null,
    /** Returns when a complete list first lacked the chosen tag, which no choice has replaced since; null if none did. */
    missingSince: (streamId: number, tag: TagName): number | null =>
      missing.get(streamId, tag)?.missingSince ?? null,
    setMissing: (_tx: Transaction, streamId: number, tag: TagName, at: number): void =>
      void setMissing.run(at, streamId, tag),
    /** Stores the choice of a policy over the stream's own tags; null where no tag can be chosen. */
    recordOwn(
      _tx: Transaction,
      { streamId, tag }: TagAddress,
      { chosen, at }: { readonly chosen: TagName | null; readonly at: number },
    ): void {
      save.run(chosen, at, null, streamId, tag)
    },
    /**
     * Stores the choice of a policy over a repository whose import failed: the tag keeps its image, and the policy its last
     * imported choice.
     */
    recordFailedChoice(
      _tx: Transaction,
      { streamId, tag }: Pick<TagAddress, 'streamId' | 'tag'>,
      { decidedAt, ...decision }: TagDecision,
    ): void {
      saveReport.run(decidedAt, JSON.stringify(shortened(decision, REPORTED)), streamId, tag)
    },
    /**
     * Stores the imported choice of a policy over a repository, with the condition that tags were passed over. Stores nothing
     * when the spec tag no longer has a policy.
     */
    recordChoice(
      tx: Transaction,
      { streamId, tag }: Pick<TagAddress, 'streamId' | 'tag'>,
      { decidedAt, passedOver, ...decision }: ImportedChoice,
    ): void {
      save.run(decision.chosen, decidedAt, JSON.stringify(shortened(decision, REPORTED)), streamId, tag)
      const { reason = null, message = null } = passedOver ?? {}
      const isChanged =
        savePassedOver.run(reason, message, reason, decidedAt, streamId, tag, reason, message).changes > 0
      if (isChanged) versions.raise(tx, streamId)
    },
  }
}
