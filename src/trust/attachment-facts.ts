import type { Database } from '../db/open.ts'
import type { Digest } from '../oci/digest.ts'
import type { AttachmentFacts } from './referrer.ts'

/** What manifests of attachments say, read once: a digest always means the same bytes. */
export interface FactsStore {
  of(digests: readonly Digest[]): Map<Digest, AttachmentFacts>
  keep(facts: ReadonlyMap<Digest, AttachmentFacts>): void
}

/** `forgetBefore`: rows that were read before are dropped with the next write. */
export function createFactsStore(
  db: Database,
  { now, keepFor }: { readonly now: () => number; readonly keepFor: number },
): FactsStore {
  const read = db.prepare<{ digest: Digest; facts: string }>(
    'select digest, facts from attachment_facts where digest in (select value from json_each(?))',
  )
  const write = db.prepare('insert or ignore into attachment_facts (digest, facts, read_at) values (?, ?, ?)')
  const drop = db.prepare('delete from attachment_facts where read_at < ?')
  return {
    of: (digests) =>
      new Map(
        read
          .all(JSON.stringify(digests))
          .map(({ digest, facts }) => [digest, JSON.parse(facts) as AttachmentFacts]),
      ),
    keep(facts) {
      if (facts.size === 0) return
      db.transact(() => {
        for (const [digest, one] of facts) write.run(digest, JSON.stringify(one), now())
        drop.run(now() - keepFor)
      })
    },
  }
}
