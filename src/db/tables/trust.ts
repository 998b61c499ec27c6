import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { Digest } from '../../oci/digest.ts'
import { failureReason, flag, rowid, time } from './columns.ts'
import { imageStreams } from './stream.ts'

/** Requirements of streams on the signatures of their images. */
export const trustPolicies = sqliteTable('trust_policies', {
  streamId: integer('stream_id')
    .primaryKey()
    .references(() => imageStreams.id, { onDelete: 'cascade' }),
  /** JSON text. */
  requirements: text('requirements').notNull(),
  /** Version of the requirements. */
  version: text('version').notNull(),
  updatedAt: time('updated_at').notNull(),
})

/** Referrers of images in their repositories: a cache, whose unused rows are deleted. */
export const referrerChecks = sqliteTable(
  'referrer_checks',
  {
    id: rowid(),
    /** Namespace whose credentials were used; empty for the server's own. Only that namespace reads the row. */
    namespace: text('namespace').notNull(),
    /** `registry/repository`. */
    repository: text('repository').notNull(),
    digest: text('digest').$type<Digest>().notNull(),
    /** Artifact type of the request; empty for all. */
    artifactType: text('artifact_type').notNull(),
    /** JSON text of the referrers; null when no request has succeeded. */
    found: text('found'),
    isComplete: flag('is_complete'),
    /** When the last request succeeded; null for never. */
    checkedAt: time('checked_at'),
    /** When the last request was made, with or without success. */
    triedAt: time('tried_at').notNull(),
    /** Why the last request failed; null when it succeeded. */
    reason: failureReason('reason'),
    message: text('message'),
  },
  (t) => [
    uniqueIndex('referrer_checks_by_image').on(t.namespace, t.repository, t.digest, t.artifactType),
    index('referrer_checks_by_tried').on(t.triedAt),
  ],
)

/** Results of verifying the signatures of an image by a policy: a cache. */
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
    /** Digest of the signatures that were verified: while it is equal, the outcome is valid. */
    basis: text('basis').notNull(),
    /** When the outcome changes by the passing of time alone; null for never. */
    validUntil: time('valid_until'),
    checkedAt: time('checked_at').notNull(),
  },
  (t) => [
    uniqueIndex('verifications_by_image').on(t.namespace, t.repository, t.digest, t.policyVersion),
    index('verifications_by_checked').on(t.checkedAt),
  ],
)
