import type { Database } from '../../db/open.ts'
import type { repositoryManifests } from '../../db/tables/index.ts'
import type { Digest } from '../../oci/digest.ts'
import { repositoryPathOf } from '../../oci/repository-name.ts'
import type { TagName } from '../../oci/tag.ts'
import type { Repository } from '../../registry/content/content.ts'
import { isRunning } from '../kept/running.ts'
import type { TaggedImages } from './tag-history.ts'
import type { CollectionTerms } from './terms.ts'

/** Why a manifest is kept, with the tag or the manifest that keeps it. */
export type ManifestKeeper =
  | { readonly reason: 'TAGGED' | 'IN_HISTORY'; readonly tag: TagName }
  /** The tag as `namespace/stream:tag`. */
  | { readonly reason: 'TAGGED_ELSEWHERE'; readonly tag: string }
  /** The digest of the index, or of the subject. */
  | { readonly reason: 'CHILD' | 'REFERRER'; readonly of: Digest }
  | { readonly reason: 'RUNNING' | 'YOUNG' | 'UNTAGGED_KEPT' }

/** A manifest of a repository. */
export type ManifestLink = Pick<
  typeof repositoryManifests.$inferSelect,
  'digest' | 'imageId' | 'subject' | 'pushedAt' | 'confirmedAt'
>

/** Why a manifest is kept; or, if it is not, the manifest and those above it, which are not kept either. */
export type ManifestVerdict =
  | { readonly kept: ManifestKeeper }
  | { readonly removable: readonly ManifestLink[] }

interface ManifestJudgeScope {
  readonly repository: Repository
  readonly history: TaggedImages
  readonly terms: CollectionTerms
  /** In a dry run removable manifests are remembered too; a run that deletes must check them again. */
  readonly isDryRun: boolean
}

/** A step up: the manifest `below` is kept because of the one above it. */
interface UpwardStep {
  readonly below: Digest
  readonly reason: 'CHILD' | 'REFERRER'
}

const MANIFEST_LINK =
  'm.digest, m.image_id as imageId, m.subject, m.pushed_at as pushedAt, m.confirmed_at as confirmedAt'

/** Maximum number of remembered children and referrers of a repository, about 20 MB; more are judged again. */
const MAX_REMEMBERED = 100_000

/** Reports whether the manifest's age keeps it: the lease, or the policy's time for untagged manifests. */
export const isYoung = ({ pushedAt, confirmedAt }: ManifestLink, terms: CollectionTerms): boolean =>
  confirmedAt >= terms.leaseStart ||
  (terms.untaggedBefore !== null && Math.max(pushedAt, confirmedAt) >= terms.untaggedBefore)

/** Statements of a judge. They run for each manifest and need a fixed plan: prepared SQL. */
function prepareLookups(db: Database) {
  return {
    // the unary plus: an image can be tagged in thousands of streams, and then this index is still better than the stream's
    tagNow: db.prepare<{ tag: TagName }>(
      'select name as tag from tags where newest_image_id = ? and +stream_id = ? order by name limit 1',
    ),
    tagElsewhere: db.prepare<{ tag: string }>(
      `select s.namespace || '/' || s.name || ':' || t.name as tag from tags t
       join tag_events e on e.id = t.newest_event_id join image_streams s on s.id = t.stream_id
       where t.newest_image_id = ? and instr(e.docker_image_reference, ?) = instr(e.docker_image_reference, '/') limit 1`,
    ),
    running: db.prepare(`select 1 from (select ? as digest) m where ${isRunning('m.digest')}`),
    // by digest and not by `repository_manifests_by_image`: an image can be in thousands of repositories
    indexesOf: db.prepare<ManifestLink>(
      `select ${MANIFEST_LINK} from manifest_references r cross join images i on i.id = r.image_id
       cross join repository_manifests m on m.repository_id = ? and m.digest = i.digest
       where r.digest = ? order by m.digest`,
    ),
    linked: db.prepare<ManifestLink>(
      `select ${MANIFEST_LINK} from repository_manifests m where m.repository_id = ? and m.digest = ?`,
    ),
  }
}

/**
 * Returns judges that search upward from each manifest, to its indexes and its subject, instead of marking downward from
 * the tags. A verdict is about this moment: the deleting transaction makes the same check as the dry run, and no marks
 * can be outdated. Kept manifests are remembered for the run, since keeping too long is harmless and a long chain of
 * referrers is then searched once; removable ones only in a dry run.
 */
export function createManifestJudges(db: Database): (scope: ManifestJudgeScope) => ManifestJudge {
  const lookups = prepareLookups(db)
  return (scope) => new ManifestJudge(lookups, scope)
}

/** Judges the manifests of one repository. */
export class ManifestJudge {
  readonly #lookups: ReturnType<typeof prepareLookups>
  readonly #scope: ManifestJudgeScope
  readonly #inPullSpecs: string
  readonly #kept = new Map<Digest, ManifestKeeper>()
  readonly #removable = new Set<Digest>()

  constructor(lookups: ReturnType<typeof prepareLookups>, scope: ManifestJudgeScope) {
    this.#lookups = lookups
    this.#scope = scope
    this.#inPullSpecs = `/${repositoryPathOf(scope.repository)}@`
  }

  judge(manifest: ManifestLink): ManifestVerdict {
    const { terms, isDryRun } = this.#scope
    const own = this.#byUse(manifest) ?? this.#kept.get(manifest.digest)
    if (own) return { kept: own }
    const steps = new Map<Digest, UpwardStep>()
    const searched = [manifest]
    // grows during the loop: the nearest first, and without recursion for chains of any length
    for (const below of searched) {
      for (const [step, above] of this.#above(below)) {
        const { digest } = above
        if (digest === manifest.digest || steps.has(digest) || this.#removable.has(digest)) continue
        steps.set(digest, step)
        searched.push(above)
        if (!this.#kept.has(digest) && !isYoung(above, terms) && !this.#byUse(above)) continue
        this.#remember(steps, digest)
        return { kept: this.#kept.get(manifest.digest) as ManifestKeeper }
      }
    }
    if (isDryRun) for (const each of searched.slice(1)) this.#removable.add(each.digest)
    if (isYoung(manifest, terms)) return { kept: { reason: 'YOUNG' } }
    if (terms.untaggedBefore === null) return { kept: { reason: 'UNTAGGED_KEPT' } }
    return { removable: searched }
  }

  /** Returns the tag or the workload that keeps a manifest itself. */
  #byUse(manifest: ManifestLink): ManifestKeeper | undefined {
    return this.#byTag(manifest) ?? (this.#lookups.running.get(manifest.digest) && { reason: 'RUNNING' })
  }

  #byTag({ imageId }: ManifestLink): ManifestKeeper | undefined {
    const { repository, history } = this.#scope
    if (repository.streamId === null) return undefined
    const now = this.#lookups.tagNow.get(imageId, repository.streamId)
    if (now) return { reason: 'TAGGED', tag: now.tag }
    const tag = history.tagOf(imageId)
    if (tag) return { reason: 'IN_HISTORY', tag }
    const elsewhere = this.#lookups.tagElsewhere.get(imageId, this.#inPullSpecs)
    return elsewhere && { reason: 'TAGGED_ELSEWHERE', tag: elsewhere.tag }
  }

  /** Returns the indexes that list the manifest, and its subject. */
  #above({ digest, subject }: ManifestLink): [UpwardStep, ManifestLink][] {
    const { id } = this.#scope.repository
    const steps = this.#lookups.indexesOf
      .all(id, digest)
      .map((index): [UpwardStep, ManifestLink] => [{ below: digest, reason: 'CHILD' }, index])
    const linked = subject ? this.#lookups.linked.get(id, subject) : undefined
    return linked ? [...steps, [{ below: digest, reason: 'REFERRER' }, linked]] : steps
  }

  /** Remembers the manifests on the way down from a kept one. */
  #remember(steps: ReadonlyMap<Digest, UpwardStep>, top: Digest): void {
    if (this.#kept.size > MAX_REMEMBERED) this.#kept.clear()
    let of = top
    for (let step = steps.get(of); step; step = steps.get(of)) {
      this.#kept.set(step.below, { reason: step.reason, of })
      of = step.below
    }
  }
}
