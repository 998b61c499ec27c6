import BetterSqlite3 from 'better-sqlite3'
import { type Digest, matchesDigest } from '../oci/digest.ts'
import { findDamage } from './damage.ts'

/** A manifest or a config whose bytes do not have its digest. */
export interface DamagedContent {
  readonly content: 'MANIFEST' | 'CONFIG'
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
}

/** What a check of all of the database found. */
export interface DatabaseReport {
  /** What is wrong with its pages, rows and indexes; at most 100 texts. */
  readonly damage: readonly string[]
  /** Rows that refer to rows that do not exist; at most 100 texts. */
  readonly dangling: readonly string[]
  readonly content: readonly DamagedContent[]
}

const MAX_DAMAGE = 100
const BUSY_MS = 30_000

/**
 * Checks all of the database with a connection of its own, which only reads: in the process of the server it would block the event
 * loop. Throws SqliteError when the file cannot be opened.
 */
export function checkDatabase(file: string): DatabaseReport {
  const sqlite = new BetterSqlite3(file, { readonly: true, timeout: BUSY_MS })
  try {
    const damage = findDamage(sqlite, MAX_DAMAGE)
    // other checks of a damaged file would fail, or find what is not so
    if (damage.length > 0) return { damage, dangling: [], content: [] }
    return { damage, dangling: danglingRows(sqlite), content: [...damagedContent(sqlite)] }
  } finally {
    sqlite.close()
  }
}

interface DanglingRow {
  readonly table: string
  readonly rowid: number | null
  readonly parent: string
}

function danglingRows(sqlite: BetterSqlite3.Database): string[] {
  const rows = sqlite.pragma('foreign_key_check') as DanglingRow[]
  return rows
    .slice(0, MAX_DAMAGE)
    .map(
      ({ table, rowid, parent }) =>
        `row ${rowid} of ${table} refers to a row of ${parent} that does not exist`,
    )
}

const STORED = `select 'MANIFEST' as content, digest, manifest as bytes from images
  union all select 'CONFIG', digest, bytes from image_configs`

function* damagedContent(sqlite: BetterSqlite3.Database): Generator<DamagedContent> {
  const rows = sqlite.prepare(STORED).iterate() as Iterable<
    Pick<DamagedContent, 'content' | 'digest'> & { readonly bytes: Uint8Array }
  >
  for (const { content, digest, bytes } of rows) {
    if (!matchesDigest(bytes, digest)) yield { content, digest, size: bytes.length }
  }
}
