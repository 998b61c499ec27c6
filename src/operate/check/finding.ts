/** What a check can find, with what it means and what to do. */
export const FINDINGS = {
  DATABASE_LOST: {
    meaning: 'the database is missing or empty, and content that it describes is there',
    remedy:
      'restore it from a backup, or rebuild the repositories with their newest images: imagestreams check --adopt',
  },
  DATABASE_DAMAGED: {
    meaning: 'the database is damaged, and the server refuses it',
    remedy: 'restore it from a backup',
  },
  ROW_DANGLING: {
    meaning: 'a row of the database refers to a row that does not exist',
    remedy:
      'restore the database from a backup, or report it to the developers: the server goes on without the row',
  },
  TAG_DIFFERS: {
    meaning: 'a tag does not point to the image that its history or the change log has last',
    remedy: 'restore the database from a backup, or push or import the tag again',
  },
  LOG_GAP: {
    meaning: 'the change log lacks entries',
    remedy: 'restore the database from a backup, or let subscribers read the tags again',
  },
  CONTENT_DAMAGED: {
    meaning: 'the bytes of a manifest or config in the database do not have its digest',
    remedy: 'push or import the image again: that replaces the bytes',
  },
  BLOB_MISSING: {
    meaning: 'the file of a blob does not exist',
    remedy:
      'push the image again, or copy the file from a backup to its place; a running server fetches it from a known source',
  },
  BLOB_TRUNCATED: {
    meaning: 'the file of a blob has another size',
    remedy:
      'push the image again, or copy the file from a backup to its place; a running server fetches it from a known source',
  },
  BLOB_DAMAGED: {
    meaning: 'the bytes of a blob do not have its digest',
    remedy:
      'push the image again, or copy the file from a backup to its place; a running server fetches it from a known source',
  },
  BLOB_UNREADABLE: {
    meaning: 'the disk cannot read the file of a blob',
    remedy: 'replace the disk; then push the image again, or copy the file from a backup to its place',
  },
} as const

/** Something that is wrong with a data folder. */
export interface Finding {
  readonly kind: keyof typeof FINDINGS
  /** What is concerned: a digest, a tag, or an explanation. */
  readonly subject: string
  /** Tags and repositories that need it; at most 100. */
  readonly neededBy: readonly string[]
}

/** Returns a finding in words, for people. */
export function describe({ kind, subject, neededBy }: Finding): string {
  const { meaning, remedy } = FINDINGS[kind]
  const needed = neededBy.length === 0 ? '' : `\n  needed by  ${neededBy.join(', ')}`
  return `${kind} ${subject}\n  meaning    ${meaning}${needed}\n  remedy     ${remedy}`
}
