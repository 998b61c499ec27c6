import { and, eq, sql } from 'drizzle-orm'
import type { Database } from '../../db/open.ts'
import { triggerBases as table } from '../../db/tables/index.ts'
import type { Transaction } from '../../db/transact.ts'
import type { Push } from '../../events/push-filter.ts'
import { groupBy } from '../../input/maps.ts'
import {
  BASE_EVIDENCE,
  type BaseEvidence,
  type BaseKey,
  evidenceOf,
  keysAsBase,
  keysOfBases,
} from '../guard/base-image.ts'
import type { createBaseContent } from './base-content.ts'
import type { createBaseNames } from './base-names.ts'

type Row = typeof table.$inferSelect

/** A tag for which a trigger acts when the base of its image moves. */
export type DerivedTag = Pick<Row, 'triggerId' | 'tagId'>

/** A derived tag whose image is based on an image to which another tag pointed before. */
export interface OutdatedTag extends DerivedTag {
  /** The image of the derived tag. */
  readonly imageId: number
  readonly evidence: BaseEvidence
}

interface BasesDependencies {
  readonly db: Pick<Database, 'orm'>
  readonly contentOf: ReturnType<typeof createBaseContent>
  readonly namesOf: ReturnType<typeof createBaseNames>
}

/** The bases of the images of tags, for the triggers that act when a base moves. */
export type Bases = ReturnType<typeof createBases>

/**
 * Creates the access to the stored bases of images. Only images of derived tags are stored: a key that an image has in common
 * with each of its bases. A move of any other tag costs two lookups.
 */
export function createBases({ db: { orm }, contentOf, namesOf }: BasesDependencies) {
  const first = orm.select({ key: table.key }).from(table).limit(1).prepare()
  const withKeys = orm
    .select()
    .from(table)
    .where(sql`${table.key} in (select value from json_each(${sql.placeholder('keys')}))`)
    .prepare()

  const insert = ({ triggerId, tagId }: DerivedTag, imageId: number, keys: readonly BaseKey[]): void => {
    orm.run(sql`insert or replace into ${table} (key, trigger_id, tag_id, image_id)
      select value, ${triggerId}, ${tagId}, ${imageId} from json_each(${JSON.stringify(keys)})`)
  }

  /** Returns the derived tags that have one of the keys, each with its most reliable evidence, by trigger and tag. */
  const holders = (keys: readonly BaseKey[]): Map<string, OutdatedTag> => {
    const rows = withKeys.all({ keys: JSON.stringify(keys) })
    const found = groupBy(rows, ({ triggerId, tagId }) => `${triggerId} ${tagId}`)
    return new Map([...found].map(([id, of]) => [id, outdatedOf(of)]))
  }

  return {
    /** Reports whether there are derived tags. */
    areStored: (): boolean => first.get() !== undefined,

    /** Stores the bases of the image that a derived tag points to, in place of those of its image before. */
    set(_tx: Transaction, derived: DerivedTag, imageId: number): void {
      const { triggerId, tagId } = derived
      orm
        .delete(table)
        .where(and(eq(table.triggerId, triggerId), eq(table.tagId, tagId)))
        .run()
      const content = contentOf(imageId)
      if (content) insert(derived, imageId, keysOfBases(content))
    },

    /** Forgets the bases of all tags of a trigger. */
    forget(_tx: Transaction, triggerId: number): void {
      orm.delete(table).where(eq(table.triggerId, triggerId)).run()
    },

    /**
     * Returns the derived tags whose image is based on the image to which a tag pointed before, and not on the one to which it
     * points now. A tag that is outdated stays so at the next moves of its base, until its own image changes.
     */
    outdatedBy(
      _tx: Transaction,
      push: Push,
      now: { readonly tagId: number; readonly imageId: number },
    ): OutdatedTag[] {
      if (push.previousImageId === null) return []
      const before = contentOf(push.previousImageId)
      const outdatedBefore = BASE_EVIDENCE.map((evidence): BaseKey => `${evidence} of ${now.tagId}`)
      const keys = before ? keysAsBase({ ...before, names: namesOf(push) }) : []
      const found = holders([...outdatedBefore, ...keys])
      if (found.size === 0) return []
      const present = contentOf(now.imageId)
      const current = holders(present ? keysAsBase({ ...present, names: [] }) : [])
      const outdated = [...found].flatMap(([id, one]) => (current.has(id) ? [] : [one]))
      for (const one of outdated) insert(one, one.imageId, [`${one.evidence} of ${now.tagId}`])
      return outdated
    },
  }
}

function outdatedOf(rows: readonly Row[]): OutdatedTag {
  const [row] = rows.toSorted((a, b) => rank(a) - rank(b))
  if (!row) throw new Error('a group has a row')
  const { key, ...derived } = row
  return { ...derived, evidence: evidenceOf(key) }
}

const rank = ({ key }: Pick<Row, 'key'>): number => BASE_EVIDENCE.indexOf(evidenceOf(key))
