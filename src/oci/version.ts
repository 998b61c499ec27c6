import semver from 'semver'

/** A version as in tags: `1.2.3`, `v1.2`, `1.2.3-rc1`. */
export interface TagVersion {
  readonly prefix: '' | 'v'
  /** Whether it contains a patch number; `1.2` is parsed as 1.2.0. */
  readonly full: boolean
  readonly parsed: semver.SemVer
}

const MINOR = /^(v?)(\d+\.\d+)(-.*)?$/
const FULL = /^(v?)(\d+\.\d+\.\d+(?:-.*)?)$/

/** Parses a version with at least a minor number; undefined for other text, also for a single number. */
export function parseVersion(text: string): TagVersion | undefined {
  const [, minorPrefix, minor, suffix = ''] = MINOR.exec(text) ?? []
  const [, fullPrefix, full] = FULL.exec(text) ?? []
  const version = full ?? (minor === undefined ? undefined : `${minor}.0${suffix}`)
  const parsed = version === undefined ? null : semver.parse(version)
  if (!parsed) return undefined
  return { prefix: (fullPrefix ?? minorPrefix) === 'v' ? 'v' : '', full: full !== undefined, parsed }
}
