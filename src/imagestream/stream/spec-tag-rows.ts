import { getTableColumns } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import { principalOf, type Viewer } from '../../access/right/viewer.ts'
import type { Database } from '../../db/open.ts'
import { specTags } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import { InvalidInputError } from '../../input/errors.ts'
import { parseReference } from '../../oci/reference.ts'
import type { TagName } from '../../oci/tag.ts'
import type { ImageStream, NamedSpecTag, SpecTagContent } from '../spec/spec.ts'
import { SOURCE_FIELDS } from '../spec/spec-difference.ts'
import { followedColumns, followsTag, isFromStream } from '../spec/tag-source.ts'
import type { Following } from './follow.ts'

/** Maximum number of tags with a policy in one stream. */
const MAX_POLICIES = 100

const { position: _, ...written } = getTableColumns(specTags)
/** The columns of a spec tag without its position, by field. */
const WRITTEN = Object.entries(written) as [keyof typeof written, SQLiteColumn][]
const NAMES = WRITTEN.map(([, { name }]) => name)
/** Who changes something else than the source of a spec tag does not become the principal by whose rights the tag moves. */
const WRITER = `case when ${SOURCE_FIELDS.map((field) => `${written[field].name} is excluded.${written[field].name}`).join(' and ')}
  then written_by else excluded.written_by end`
const ASSIGNMENTS = NAMES.map(
  (name) => `${name} = ${name === written.writtenBy.name ? WRITER : `excluded.${name}`}`,
)

export interface ChangedSpecTags {
  readonly stream: ImageStream
  readonly tags: readonly NamedSpecTag[]
  readonly removed: readonly TagName[]
  /** Returns the field of a tag's `from.name`, for errors. */
  readonly fieldOf: (tag: TagName) => string
  /** Whether the tags have images already, so that only those that follow another tag get the one of their source. */
  readonly isRestored?: boolean
}

/** Creates the writes of spec tags. */
export function createSpecTagRows(db: Database, following: Following) {
  // prepared: a document can have thousands of spec tags
  const upsert = db.prepare(
    `insert into spec_tags (${NAMES.join(', ')}, position) values (${NAMES.map(() => '?').join(', ')},
       coalesce((select position + 1 from spec_tags where stream_id = ? order by position desc limit 1), 0))
     on conflict (stream_id, name) do update set ${ASSIGNMENTS.join(', ')}`,
  )
  const arrange = db.prepare(`
    with o (position, name) as materialized (select key, value from json_each(?))
    update spec_tags as t set position = o.position from o
    where t.stream_id = ? and t.name = o.name and t.position is not o.position`)
  // a choice by another policy or from another repository is outdated
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
        `${total} tags would have a policy: a stream can have at most ${MAX_POLICIES}, as each change of a tag is compared by all of them`,
      )
    }
  }

  return {
    /**
     * Writes spec tags with the stream's generation, new ones behind the others. Tags from other tags get the image of their source, and tags with a
     * policy the one that it chooses. Throws InvalidInputError for too many policies, and the errors of
     * `Following.copySources`.
     */
    write(
      tx: Transaction,
      viewer: Viewer,
      { stream, tags, removed, fieldOf, isRestored = false }: ChangedSpecTags,
    ): void {
      const { id: streamId, generation } = stream
      forgetChoices.run(
        streamId,
        JSON.stringify(tags.map(([name, { policy, fromName }]) => [name, policy, fromName])),
      )
      for (const [name, tag] of tags) {
        const derived = { ...followedColumns(stream, tag), registry: registryOf(tag) }
        const row = { ...tag, ...derived, streamId, name, generation, writtenBy: principalOf(viewer) }
        upsert.run(...WRITTEN.map(([field]) => row[field]), streamId)
      }
      if (tags.some(([, { policy }]) => policy !== null)) checkPolicies(streamId)
      // after all of them are written: one may follow another
      const isCopied = isRestored ? followsTag : isFromStream
      const fromStreams = tags.filter(([, tag]) => isCopied(tag)).map(([name]) => name)
      const rewritten = [...tags.map(([name]) => name), ...removed]
      following.copySources(tx, viewer, { stream, tags: fromStreams, rewritten, fieldOf })
    },
    /** Stores the order of all spec tags of the stream. */
    arrange: (_tx: Transaction, streamId: number, names: readonly TagName[]): void => {
      arrange.run(JSON.stringify(names), streamId)
    },
  }
}

const registryOf = ({ fromKind, fromName }: SpecTagContent): string | null =>
  fromKind === 'DockerImage' && fromName !== null ? parseReference(fromName).registry : null
