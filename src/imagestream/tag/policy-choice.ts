import type { Database } from '../../db/open.ts'
import type { Transaction } from '../../db/transact.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Decision } from '../../policy/decide.ts'
import type { TagAddress } from './tag-change.ts'

/** What the rule of a spec tag chose, and why. */
export interface TagDecision extends Decision {
  /**
   * When a repository was last looked at for it; of the stream's own tags, when it last chose another one. Milliseconds
   * since 1970.
   */
  readonly decidedAt: number
}

/** What is kept of a decision. */
export interface StoredChoice {
  readonly decidedAt: number
  /** What was found in a repository; null where the tags to choose from are the stream's own. */
  readonly report: Decision | null
}

/** Entries of each kind that are kept of a decision about a repository. */
export const REPORTED = 100

/** The choices of rules, as rows. A row goes with its spec tag. */
export interface PolicyChoices {
  find(streamId: number, tag: TagName): StoredChoice | undefined
  /** A rule of the stream's own tags chose another one, or none. */
  recordOwn(tx: Transaction, rule: TagAddress, choice: { chosen: TagName | null; at: number }): void
  /** What a rule chose of a repository's tags. Nothing where the spec tag has no rule any more. */
  recordChoice(tx: Transaction, rule: Pick<TagAddress, 'streamId' | 'tag'>, decision: TagDecision): void
}

export function createPolicyChoices(db: Database): PolicyChoices {
  const find = db.prepare<{ decidedAt: number; report: string | null }>(
    'select decided_at as decidedAt, report from policy_choices where stream_id = ? and tag = ?',
  )
  const save = db.prepare(`
    insert into policy_choices (stream_id, tag, chosen, decided_at, report)
    select stream_id, name, ?, ?, ? from spec_tags where stream_id = ? and name = ? and policy is not null
    on conflict (stream_id, tag) do update
    set chosen = excluded.chosen, decided_at = excluded.decided_at, report = excluded.report`)

  return {
    find(streamId, tag) {
      const row = find.get(streamId, tag)
      return row && { decidedAt: row.decidedAt, report: row.report === null ? null : JSON.parse(row.report) }
    },
    recordOwn(_tx, { streamId, tag }, { chosen, at }) {
      save.run(chosen, at, null, streamId, tag)
    },
    recordChoice(_tx, { streamId, tag }, { decidedAt, ...decision }) {
      const report: Decision = {
        ...decision,
        ranked: decision.ranked.slice(0, REPORTED),
        excluded: decision.excluded.slice(0, REPORTED),
      }
      save.run(decision.chosen, decidedAt, JSON.stringify(report), streamId, tag)
    },
  }
}
