import type { Database } from '../../db/open.ts'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Repository } from '../../registry/content/content.ts'
import { formatRepositoryName } from '../../registry/protocol/repository-name.ts'
import type { TagHistory } from './history.ts'
import type { Terms } from './terms.ts'

/** Why a manifest stays in its repository. */
export type Kept =
  /** A tag means it now, or one of the tag's newest events does. */
  | { readonly reason: 'TAGGED' | 'IN_HISTORY'; readonly tag: TagName }
  /** A tag of another stream means it, and has it from here: `namespace/stream:tag`. */
  | { readonly reason: 'TAGGED_ELSEWHERE'; readonly tag: string }
  /** A manifest that stays has it as its child, or is its subject. */
  | { readonly reason: 'CHILD' | 'REFERRER'; readonly of: Digest }
  /** Pushed or confirmed a short while ago; or old, and the policy keeps what is untagged. */
  | { readonly reason: 'YOUNG' | 'UNTAGGED_KEPT' }

/** A manifest of a repository, with what decides whether it stays. */
export interface ManifestLink {
  readonly digest: Digest
  readonly imageId: number
  readonly subject: Digest | null
  readonly pushedAt: number
  readonly confirmedAt: number
}

/** Why it stays; or, when nothing keeps it, it and the manifests above it, which nothing keeps either. */
export type Verdict = { readonly kept: Kept } | { readonly goes: readonly ManifestLink[] }

/** Judges the manifests of one repository. */
export type Judge = (manifest: ManifestLink) => Verdict

interface Scope {
  readonly repository: Repository
  readonly history: TagHistory
  readonly terms: Terms
  /** Whether it may remember also that nothing keeps a manifest: who deletes by its verdicts must ask again. */
  readonly isDryRun: boolean
}

/** One step up: `below` stays because of the one above it. */
interface Step {
  readonly below: Digest
  readonly reason: 'CHILD' | 'REFERRER'
}

/** Columns of a ManifestLink. */
export const MANIFEST_LINK =
  'm.digest, m.image_id as imageId, m.subject, m.pushed_at as pushedAt, m.confirmed_at as confirmedAt'

/** Children and referrers of one repository that are known to stay, some 20 MB; more are judged again. */
const MAX_KNOWN = 100_000

/** Whether its age alone keeps it: the lease, or the time that the policy leaves to what is untagged. */
export const isYoung = ({ pushedAt, confirmedAt }: ManifestLink, terms: Terms): boolean =>
  confirmedAt >= terms.leaseStart ||
  (terms.untaggedBefore !== null && Math.max(pushedAt, confirmedAt) >= terms.untaggedBefore)

/**
 * Asks upward from each manifest, to its indexes and its subject, instead of marking downward from the tags: the answer
 * is for this moment, so the transaction that deletes asks the same question as the dry run, and no mark of a whole
 * repository can be out of date. That something stays is remembered for the run (to keep too long is harmless, and a
 * long chain of referrers is walked once); that something goes is not, but in a dry run.
 */
export function createJudges(db: Database): (scope: Scope) => Judge {
  // of an image that is a tag's in thousands of streams, the unary plus keeps from reading this stream's tags instead
  const tagNow = db.prepare<{ tag: TagName }>(
    'select name as tag from tags where newest_image_id = ? and +stream_id = ? order by name limit 1',
  )
  const tagElsewhere = db.prepare<{ tag: string }>(
    `select s.namespace || '/' || s.name || ':' || t.name as tag from tags t
     join tag_events e on e.id = t.newest_event_id join image_streams s on s.id = t.stream_id
     where t.newest_image_id = ? and instr(e.docker_image_reference, ?) > 0 limit 1`,
  )
  // by the digest and not by `repository_manifests_by_image`: the same image may be in thousands of repositories
  const indexesOf = db.prepare<ManifestLink>(
    `select ${MANIFEST_LINK} from manifest_references r cross join images i on i.id = r.image_id
     cross join repository_manifests m on m.repository_id = ? and m.digest = i.digest
     where r.digest = ? order by m.digest`,
  )
  const linked = db.prepare<ManifestLink>(
    `select ${MANIFEST_LINK} from repository_manifests m where m.repository_id = ? and m.digest = ?`,
  )

  return ({ repository, history, terms, isDryRun }) => {
    const { id, streamId } = repository
    const inPullSpecs = `/${formatRepositoryName(repository)}@`
    const known = new Map<Digest, Kept>()
    const rootless = new Set<Digest>()

    const byTag = ({ imageId }: ManifestLink): Kept | undefined => {
      if (streamId === null) return undefined
      const now = tagNow.get(imageId, streamId)
      if (now) return { reason: 'TAGGED', tag: now.tag }
      const tag = history.tagOf(imageId)
      if (tag) return { reason: 'IN_HISTORY', tag }
      const elsewhere = tagElsewhere.get(imageId, inPullSpecs)
      return elsewhere && { reason: 'TAGGED_ELSEWHERE', tag: elsewhere.tag }
    }

    const above = ({ digest, subject }: ManifestLink): [Step, ManifestLink][] => {
      const steps = indexesOf
        .all(id, digest)
        .map((index): [Step, ManifestLink] => [{ below: digest, reason: 'CHILD' }, index])
      const about = subject ? linked.get(id, subject) : undefined
      return about ? [...steps, [{ below: digest, reason: 'REFERRER' }, about]] : steps
    }

    const remember = (steps: ReadonlyMap<Digest, Step>, top: Digest): void => {
      if (known.size > MAX_KNOWN) known.clear()
      let of = top
      for (let step = steps.get(of); step; step = steps.get(of)) {
        known.set(step.below, { reason: step.reason, of })
        of = step.below
      }
    }

    return (manifest) => {
      const own = byTag(manifest) ?? known.get(manifest.digest)
      if (own) return { kept: own }
      const steps = new Map<Digest, Step>()
      const walked = [manifest]
      // grows while it is walked: the nearest first, without recursion however long the chain is
      for (const below of walked) {
        for (const [step, next] of above(below)) {
          if (next.digest === manifest.digest || steps.has(next.digest) || rootless.has(next.digest)) continue
          steps.set(next.digest, step)
          walked.push(next)
          if (!known.has(next.digest) && !isYoung(next, terms) && !byTag(next)) continue
          remember(steps, next.digest)
          return { kept: known.get(manifest.digest) as Kept }
        }
      }
      if (isDryRun) for (const each of walked.slice(1)) rootless.add(each.digest)
      if (isYoung(manifest, terms)) return { kept: { reason: 'YOUNG' } }
      if (terms.untaggedBefore === null) return { kept: { reason: 'UNTAGGED_KEPT' } }
      return { goes: walked }
    }
  }
}
