import semver, { type SemVer } from 'semver'
import { InvalidInputError, quoted } from '../input/errors.ts'
import type { TagPolicy } from './policy.ts'

/** Maximum number of characters of a range. */
export const MAX_RANGE_LENGTH = 255
/** Maximum number of comparisons in all alternatives of a range: `>=1.2.0`, `<2.0.0`. */
export const MAX_COMPARATORS = 50

/**
 * Compiles a range as npm does: without `includePrereleases` a pre-release counts only if the range contains another one
 * of the same version (`^3.3.0-rc1`). Throws InvalidInputError.
 */
export function createVersionRange({
  range,
  includePrereleases,
}: Pick<TagPolicy, 'range' | 'includePrereleases'>) {
  const text = range ?? '*'
  const released = compile(text, false)
  const all = compile(text, true)
  return {
    /** Returns the relation of a version to the range: `PRERELEASE` when only being a pre-release excludes it. */
    placeOf(version: SemVer): 'IN_RANGE' | 'OUT_OF_RANGE' | 'PRERELEASE' {
      if (includePrereleases ? isWithin(all, version) : released.test(version)) return 'IN_RANGE'
      return version.prerelease.length > 0 && isWithin(all, version) ? 'PRERELEASE' : 'OUT_OF_RANGE'
    },
  }
}

/**
 * Equals `range.test` of a range with pre-releases, which would parse the version and each bound again, because they were
 * parsed without that option.
 */
const isWithin = (range: semver.Range, version: SemVer): boolean =>
  range.set.some((alternative) =>
    alternative.every(
      ({ operator, semver: bound, value }) => value === '' || SATISFIES[operator](version.compare(bound)),
    ),
  )

/** Whether a version is on the operator's side of a bound, by the result of comparing them. */
const SATISFIES: Readonly<Record<semver.Comparator['operator'], (compared: number) => boolean>> = {
  '>': (compared) => compared > 0,
  '>=': (compared) => compared >= 0,
  '<': (compared) => compared < 0,
  '<=': (compared) => compared <= 0,
  '=': (compared) => compared === 0,
  '': (compared) => compared === 0,
}

function compile(range: string, includePrerelease: boolean): semver.Range {
  // semver takes an empty range, and an empty alternative as in "1 ||", for every version
  if (range.split('||').some((alternative) => alternative.trim() === '')) {
    throw new InvalidInputError(
      'range',
      `${quoted(range)} is empty or has an empty alternative; write "*", or leave range out, for any version`,
    )
  }
  if (range.length > MAX_RANGE_LENGTH) {
    throw new InvalidInputError('range', `a range has at most ${MAX_RANGE_LENGTH} characters`)
  }
  const compiled = parse(range, includePrerelease)
  const comparators = compiled.set.reduce((sum, alternative) => sum + alternative.length, 0)
  if (comparators > MAX_COMPARATORS) {
    throw new InvalidInputError(
      'range',
      `the range has ${comparators} comparisons: at most ${MAX_COMPARATORS} are allowed`,
    )
  }
  return compiled
}

function parse(range: string, includePrerelease: boolean): semver.Range {
  try {
    return new semver.Range(range, { includePrerelease })
  } catch (cause) {
    throw new InvalidInputError(
      'range',
      `${quoted(range)} is not a range of semantic versions, such as "^3.3", "~3.3.1", "3.x" or ">=3.1 <3.4 || 4.x"`,
      { cause },
    )
  }
}
