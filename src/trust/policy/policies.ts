import { eq, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { trustPolicies as table } from '../../db/tables/trust.ts'
import type { TrustRequirement } from '../signature/requirement.ts'
import { parseRequirements, type RequirementInput, versionOf } from './policy-input.ts'

/** The requirements of a stream on the signatures of its images. */
export interface TrustPolicy {
  /** An accepted signature meets at least one of them. */
  readonly requirements: readonly TrustRequirement[]
  /** Hash of the requirements: verifications by another version no longer apply. */
  readonly version: string
  /** Milliseconds since 1970. */
  readonly updatedAt: number
}

/** Creates the reads and writes of the trust policies of streams. `now` returns milliseconds since 1970. */
export function createTrustPolicies({ db, now }: { db: Database; now: () => number }) {
  const { orm } = db
  return {
    /** Returns the policies by stream id. Streams without one are missing. */
    ofStreams: (streamIds: readonly number[]): Map<number, TrustPolicy> =>
      new Map(
        orm
          .select()
          .from(table)
          .where(sql`${table.streamId} in (select value from json_each(${JSON.stringify(streamIds)}))`)
          .all()
          .map(({ streamId, requirements, ...row }) => [
            streamId,
            { ...row, requirements: JSON.parse(requirements) as readonly TrustRequirement[] },
          ]),
      ),

    /**
     * Replaces the policy of a stream; an empty list of requirements deletes it. `checkStream` is called in the
     * transaction and throws when the stream was deleted. Rejects with InvalidInputError.
     */
    async set(
      streamId: number,
      inputs: readonly RequirementInput[],
      checkStream: () => void,
    ): Promise<TrustPolicy | null> {
      const requirements = await parseRequirements(inputs)
      const policy = { requirements, version: versionOf(requirements), updatedAt: now() }
      return db.transact(() => {
        checkStream()
        if (requirements.length === 0) {
          orm.delete(table).where(eq(table.streamId, streamId)).run()
          return null
        }
        const columns = { ...policy, requirements: JSON.stringify(requirements) }
        orm
          .insert(table)
          .values({ streamId, ...columns })
          .onConflictDoUpdate({ target: table.streamId, set: columns })
          .run()
        return policy
      })
    },
  }
}
