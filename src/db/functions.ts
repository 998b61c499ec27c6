import type BetterSqlite3 from 'better-sqlite3'
import { matchesGlob } from '../input/glob.ts'
import { parseManifest } from '../oci/manifest.ts'
import { isIndexType } from '../oci/media-types.ts'
import { formatPlatforms, platformsOfIndex } from '../oci/platforms.ts'
import { parseReference } from '../oci/reference.ts'

/**
 * Adds the SQL functions that statements and migrations use. The schema itself uses none, so that other tools can open
 * the file.
 */
export function addFunctions(sqlite: BetterSqlite3.Database): void {
  const options = { deterministic: true, directOnly: true }
  sqlite.function('matches_glob', options, (pattern, text) =>
    Number(matchesGlob(String(pattern), String(text))),
  )
  sqlite.function('registry_of', options, (reference) =>
    typeof reference === 'string' ? parseReference(reference).registry : null,
  )
  sqlite.function('platforms_of', options, (mediaType, manifest, os, architecture, variant) => {
    if (!isIndexType(String(mediaType))) return os && formatPlatforms([{ os, architecture, variant }])
    const parsed = parseManifest(manifest as Uint8Array, String(mediaType))
    return parsed.kind === 'index' ? platformsOfIndex(parsed) : null
  })
}
