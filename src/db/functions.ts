import type BetterSqlite3 from 'better-sqlite3'
import { matchesGlob } from '../input/glob.ts'
import { InvalidManifestError, readManifest } from '../oci/manifest.ts'
import { type KindOfManifest, kindOf } from '../oci/manifest-kind.ts'
import { isIndexType } from '../oci/media-types.ts'
import { formatPlatforms, platformsOfIndex } from '../oci/platforms.ts'
import { parseReference } from '../oci/reference.ts'
import { isReferrersTag, type TagName } from '../oci/tag.ts'

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
    const parsed = readManifest(manifest as Uint8Array, String(mediaType))
    return parsed.kind === 'index' ? platformsOfIndex(parsed) : null
  })
  const kindOfRow = (mediaType: unknown, manifest: unknown, config: unknown): KindOfManifest => {
    try {
      return kindOf(readManifest(manifest as Uint8Array, String(mediaType)), {
        config: config as Uint8Array | null,
        kindOfChild: () => undefined,
      })
    } catch (error) {
      if (!(error instanceof InvalidManifestError)) throw error
      return { kind: isIndexType(String(mediaType)) ? 'INDEX' : 'IMAGE', artifactType: null }
    }
  }
  sqlite.function('kind_of', options, (type, manifest, config) => kindOfRow(type, manifest, config).kind)
  sqlite.function(
    'artifact_type_of',
    options,
    (type, manifest, config) => kindOfRow(type, manifest, config).artifactType,
  )
  sqlite.function('is_referrers_tag', options, (tag) => Number(isReferrersTag(String(tag) as TagName)))
}
