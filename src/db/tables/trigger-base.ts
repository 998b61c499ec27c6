import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { ownerKey } from './columns.ts'
import { tags } from './tag.ts'
import { triggers } from './trigger.ts'

/** What the images of tags have in common with their bases, for triggers that act when a base moves. */
export const triggerBases = sqliteTable(
  'trigger_bases',
  {
    /** Evidence and a digest, a name or a chain of layers: `ANNOTATION_DIGEST sha256:…`. */
    key: text('key').notNull(),
    triggerId: ownerKey('trigger_id', () => triggers.id),
    tagId: ownerKey('tag_id', () => tags.id),
    /** The image of the tag that has the key. */
    imageId: integer('image_id').notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.key, t.triggerId, t.tagId] }),
    index('trigger_bases_by_target').on(t.triggerId, t.tagId),
    index('trigger_bases_by_tag').on(t.tagId),
  ],
)
