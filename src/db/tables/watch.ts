import { integer, primaryKey, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { Digest } from '../../oci/digest.ts'
import type { TagName } from '../../oci/tag.ts'
import { rowid, time } from './columns.ts'
import { imports } from './import.ts'
import { imageStreams } from './stream.ts'
import { tags } from './tag.ts'

/** How the repository of a stream is watched: what its vendor's listing said last, and whether that can be relied on. */
export const repositoryWatches = sqliteTable('repository_watches', {
  streamId: integer('stream_id')
    .primaryKey()
    .references(() => imageStreams.id, { onDelete: 'cascade' }),
  /** The stream's `repository_generation` that all of it is about: of another one it says nothing. */
  generation: integer('generation').notNull(),
  /** Whose listing there is; null where none is known. */
  vendor: text('vendor'),
  checkedAt: time('checked_at'),
  checkedBy: text('checked_by', { enum: ['LISTING', 'FULL_SWEEP'] }),
  /** When every tag was last asked for; null when the next import is to do so. */
  sweptAt: time('swept_at'),
  /** Tags in all, by the vendor's listing. */
  total: integer('total'),
  /** What the first page of the listing claimed, as marks to be recognised by; null where it is to be read whole. */
  marks: text('marks'),
  setAsideUntil: time('set_aside_until'),
  /** Why the listing could not be used when it was last tried; null when it could. */
  reason: text('reason'),
  message: text('message'),
  failingSince: time('failing_since'),
})

/**
 * What a vendor's listing says of a tag where the registry itself, when asked, said something else: asked for once, and
 * not again while the listing says the same.
 */
export const tagClaims = sqliteTable(
  'tag_claims',
  {
    streamId: integer('stream_id')
      .notNull()
      .references(() => imageStreams.id, { onDelete: 'cascade' }),
    tag: text('tag').$type<TagName>().notNull(),
    digest: text('digest').$type<Digest>(),
    /** By the vendor's clock. */
    changedAt: time('changed_at'),
  },
  (t) => [primaryKey({ columns: [t.streamId, t.tag] })],
)

/** That a tag meant an image for a time, by a vendor's word alone: nobody here saw it. */
export const reportedMoves = sqliteTable(
  'reported_moves',
  {
    id: rowid(),
    tagId: integer('tag_id')
      .notNull()
      .references(() => tags.id, { onDelete: 'cascade' }),
    digest: text('digest').$type<Digest>().notNull(),
    /** Both by the vendor's clock. */
    fromAt: time('from_at').notNull(),
    untilAt: time('until_at').notNull(),
    vendor: text('vendor').notNull(),
  },
  (t) => [uniqueIndex('reported_moves_of_tag').on(t.tagId, t.fromAt, t.digest)],
)

/** Pages of a registry's listing that an unfinished import has read: what a restarted server goes on from. */
export const importListings = sqliteTable(
  'import_listings',
  {
    importId: integer('import_id')
      .notNull()
      .references(() => imports.id, { onDelete: 'cascade' }),
    /** From 1. */
    page: integer('page').notNull(),
    /** JSON text: tag names. */
    names: text('names').notNull(),
    /** Where the listing goes on, in the registry's own words. */
    next: text('next').notNull(),
    readAt: time('read_at').notNull(),
  },
  (t) => [primaryKey({ columns: [t.importId, t.page] })],
)
