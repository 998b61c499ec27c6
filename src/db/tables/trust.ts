import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { Digest } from '../../oci/digest.ts'
import { flag, rowid, time } from './columns.ts'
import { imageStreams } from './stream.ts'

/** What streams ask of the signatures of their images. */
export const trustPolicies = sqliteTable('trust_policies', {
  streamId: integer('stream_id')
    .primaryKey()
    .references(() => imageStreams.id, { onDelete: 'cascade' }),
  /** JSON text. */
  requirements: text('requirements').notNull(),
  /** Of the requirements. */
  version: text('version').notNull(),
  updatedAt: time('updated_at').notNull(),
})

/** What repositories have about images, as they were last asked: a cache, dropped when nobody asks for a while. */
export const referrerChecks = sqliteTable(
  'referrer_checks',
  {
    id: rowid(),
    /** By whose credentials; empty for the server's own: who may not read a repository is not told from here. */
    namespace: text('namespace').notNull(),
    /** `registry/repository`. */
    repository: text('repository').notNull(),
    digest: text('digest').$type<Digest>().notNull(),
    /** Empty for all. */
    artifactType: text('artifact_type').notNull(),
    /** JSON text of what was found; null while it could not be asked. */
    found: text('found'),
    isComplete: flag('is_complete'),
    /** When it was found; null while it could not be asked. */
    checkedAt: time('checked_at'),
    /** When it was last asked for, with or without success. */
    triedAt: time('tried_at').notNull(),
    /** Why the last attempt failed; null when it did not. */
    reason: text('reason'),
    message: text('message'),
  },
  (t) => [
    uniqueIndex('referrer_checks_by_image').on(t.namespace, t.repository, t.digest, t.artifactType),
    index('referrer_checks_by_tried').on(t.triedAt),
  ],
)

/** What was made of the signatures of an image by the requirements of a policy: a cache. */
export const verifications = sqliteTable(
  'verifications',
  {
    id: rowid(),
    namespace: text('namespace').notNull(),
    repository: text('repository').notNull(),
    digest: text('digest').$type<Digest>().notNull(),
    policyVersion: text('policy_version').notNull(),
    /** JSON text. */
    outcome: text('outcome').notNull(),
    /** Of the signatures that it is made of: while they are the same, so is the outcome. */
    basis: text('basis').notNull(),
    /** When time alone changes it; null for never. */
    validUntil: time('valid_until'),
    checkedAt: time('checked_at').notNull(),
  },
  (t) => [
    uniqueIndex('verifications_by_image').on(t.namespace, t.repository, t.digest, t.policyVersion),
    index('verifications_by_checked').on(t.checkedAt),
  ],
)
