import type { Database } from '../../db/open.ts'
import type { TrustPolicy, TrustRequirement } from '../signature/policy.ts'
import { parseRequirements, type RequirementInput, versionOf } from './policy-input.ts'

/** What streams ask of the signatures of their images. */
export interface TrustPolicies {
  /** Those of the streams that ask for something. */
  ofStreams(streamIds: readonly number[]): Map<number, TrustPolicy>
  /**
   * Replaces what the stream asks for; no requirements at all end it. Rejects with InvalidTrustError; then nothing is
   * written. `isThere` is asked in the transaction that writes, and may throw.
   */
  set(
    streamId: number,
    requirements: readonly RequirementInput[],
    isThere: () => void,
  ): Promise<TrustPolicy | null>
}

interface Row {
  readonly streamId: number
  readonly requirements: string
  readonly version: string
  readonly updatedAt: number
}

export function createTrustPolicies({
  db,
  now,
}: {
  readonly db: Database
  readonly now: () => number
}): TrustPolicies {
  const read = db.prepare<Row>(
    `select stream_id as streamId, requirements, version, updated_at as updatedAt from trust_policies
     where stream_id in (select value from json_each(?))`,
  )
  const write = db.prepare(
    `insert into trust_policies (stream_id, requirements, version, updated_at) values (?, ?, ?, ?)
     on conflict do update set requirements = excluded.requirements, version = excluded.version,
       updated_at = excluded.updated_at`,
  )
  const remove = db.prepare('delete from trust_policies where stream_id = ?')

  return {
    ofStreams: (streamIds) =>
      new Map(read.all(JSON.stringify(streamIds)).map((row) => [row.streamId, policyOf(row)])),
    async set(streamId, inputs, isThere) {
      const requirements = await parseRequirements(inputs)
      const policy = { requirements, version: versionOf(requirements), updatedAt: now() }
      return db.transact(() => {
        isThere()
        if (requirements.length === 0) {
          remove.run(streamId)
          return null
        }
        write.run(streamId, JSON.stringify(requirements), policy.version, policy.updatedAt)
        return policy
      })
    },
  }
}

const policyOf = ({ requirements, version, updatedAt }: Row): TrustPolicy => ({
  requirements: JSON.parse(requirements) as readonly TrustRequirement[],
  version,
  updatedAt,
})
