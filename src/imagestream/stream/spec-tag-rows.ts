import type { Database } from '../../db/open.ts'
import { specTags } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { InvalidInputError } from '../../input/errors.ts'
import { parseReference } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImageStream, SpecTagContent } from '../spec/spec.ts'
import { followedColumns, isFromStream } from '../spec/tag-source.ts'
import type { Following } from './follow.ts'

/** Tags of one stream that can have a policy. */
const MAX_POLICIES = 100

export type NamedTag = readonly [TagName, SpecTagContent]

/** The spec tags of streams, as rows. */
export interface SpecTagRows {
  /**
   * Writes these spec tags as of the stream's generation; those from other tags get what these mean, and those with a
   * rule what it chooses. Throws InvalidInputError for too many rules; that, NotFoundError and ConflictError as
   * `takeOver` does.
   */
  write(tx: Transaction, stream: ImageStream, changed: ChangedSpecTags): void
  /** Puts all of the stream's spec tags into this order. */
  arrange(tx: Transaction, streamId: number, names: readonly TagName[]): void
}

export interface ChangedSpecTags {
  readonly tags: readonly NamedTag[]
  /** Spec tags that are gone. */
  readonly removed: readonly TagName[]
  /** The place of a tag's `from.name`. */
  readonly fieldOf: (tag: TagName) => string
}

export function createSpecTagRows({
  db,
  following,
}: {
  readonly db: Database
  readonly following: Pick<Following, 'takeOver'>
}): SpecTagRows {
  const arrange = db.prepare(`
    update spec_tags as t set position = o.key from json_each(?) o
    where t.stream_id = ? and t.name = o.value and t.position is not o.key`)
  const forgetChoices = db.prepare(
    `delete from policy_choices as c where c.stream_id = ? and exists (
       select 1 from json_each(?) j join spec_tags p on p.stream_id = c.stream_id and p.name = c.tag
       where j.value ->> 0 = c.tag and (p.policy is not j.value ->> 1 or p.from_name is not j.value ->> 2))`,
  )

  const countPolicies = db.prepare<{ total: number }>(
    'select count(*) as total from spec_tags where stream_id = ? and policy is not null',
  )
  const checkPolicies = (streamId: number): void => {
    const { total = 0 } = countPolicies.get(streamId) ?? {}
    if (total > MAX_POLICIES) {
      throw new InvalidInputError(
        'spec.tags',
        `${total} tags would have a policy: ${MAX_POLICIES} of a stream can, as each change of a tag is shown to all of them`,
      )
    }
  }

  return {
    write(tx, stream, { tags, removed, fieldOf }) {
      const { id: streamId, generation } = stream
      // what was chosen by another rule, or elsewhere, says nothing any more
      forgetChoices.run(
        streamId,
        JSON.stringify(tags.map(([name, { policy, fromName }]) => [name, policy, fromName])),
      )
      for (const [name, tag] of tags) {
        const row = {
          ...tag,
          ...followedColumns(stream, tag),
          registry: registryOf(tag),
          streamId,
          name,
          generation,
        }
        db.orm
          .insert(specTags)
          .values(row)
          .onConflictDoUpdate({ target: [specTags.streamId, specTags.name], set: row })
          .run()
      }
      if (tags.some(([, { policy }]) => policy !== null)) checkPolicies(streamId)
      // all of them are written first: one may follow another
      const fromStreams = tags.filter(([, tag]) => isFromStream(tag)).map(([name]) => name)
      const rewritten = [...tags.map(([name]) => name), ...removed]
      following.takeOver(tx, stream, { tags: fromStreams, rewritten, fieldOf })
    },
    arrange: (_tx, streamId, names) => {
      arrange.run(JSON.stringify(names), streamId)
    },
  }
}

const registryOf = ({ fromKind, fromName }: SpecTagContent): string | null =>
  fromKind === 'DockerImage' && fromName !== null ? parseReference(fromName).registry : null

const TAG_COLUMNS = [
  'annotations',
  'fromKind',
  'fromName',
  'fromNamespace',
  'policy',
  'reference',
  'insecure',
  'scheduled',
  'importMode',
  'referencePolicy',
] as const

/** Whether both say the same, but for the generation that said it. */
export const isSameTag = (old: SpecTagContent | undefined, tag: SpecTagContent): boolean =>
  old !== undefined && TAG_COLUMNS.every((column) => old[column] === tag[column])
