import type { Database } from '../db/open.ts'
import { specTags } from '../db/tables.ts'
import type { Transaction } from '../db/transact.ts'
import { parseReference } from '../oci/reference.ts'
import type { TagName } from '../oci/tag.ts'
import type { Following } from './follow.ts'
import type { ImageStream, SpecTagContent } from './spec.ts'
import { followedColumns, isFromStream } from './tag-source.ts'

export type NamedTag = readonly [TagName, SpecTagContent]

/** The spec tags of streams, as rows. */
export interface SpecTagRows {
  /**
   * Writes these spec tags as of the stream's generation; those from other tags get what these mean. `fieldOf` names the
   * place of a tag's `from.name`. Throws InvalidInputError, NotFoundError, ConflictError as `takeOver` does.
   */
  write(
    tx: Transaction,
    stream: ImageStream,
    changed: { readonly tags: readonly NamedTag[]; readonly fieldOf: (tag: TagName) => string },
  ): void
  /** Puts all of the stream's spec tags into this order. */
  arrange(tx: Transaction, streamId: number, names: readonly TagName[]): void
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
  return {
    write(tx, stream, { tags, fieldOf }) {
      const { id: streamId, generation } = stream
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
      // all of them are written first: one may follow another
      const fromStreams = tags.filter(([, tag]) => isFromStream(tag)).map(([name]) => name)
      following.takeOver(tx, stream, { tags: fromStreams, fieldOf })
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
