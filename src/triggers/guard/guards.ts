import { InvalidInputError, quoted } from '../../input/errors.ts'
import { checkRange } from '../../input/range.ts'
import { isPlatformName } from '../../oci/platforms.ts'
import { checkWindow, type Window } from './window.ts'

/** What has to hold before a trigger acts. A guard that is left out always holds. */
export interface Guards {
  /** Seconds for which the tag must have pointed to the image. */
  readonly minimumAgeSeconds?: number
  /** Whether the image must be signed as its stream requires. */
  readonly verified?: true
  /** Platforms that the image must have, all of them: `linux/arm64`. */
  readonly platforms?: readonly string[]
  /** Windows of time, one of which must be open. */
  readonly windows?: readonly Window[]
  /** Maximum number of deliveries of the trigger, of all its tags, in an hour. */
  readonly maxPerHour?: number
  /** Whether a person must approve the image. */
  readonly approval?: true
}

/** Guards as given. */
export type GuardsInput = {
  readonly [Name in keyof Guards]?:
    | (Guards[Name] extends true | undefined ? boolean : Guards[Name])
    | null
    | undefined
}

/** The rate is counted over the deliveries of a trigger that are kept. */
const MAX = { ageSeconds: 30 * 24 * 60 * 60, platforms: 20, windows: 10, perHour: 100 }

/** Returns the guards that are set. `field` is the path of the input, and `now` milliseconds since 1970. Throws InvalidInputError. */
export function checkGuards(input: GuardsInput, field: string, now: number): Guards {
  const { minimumAgeSeconds, maxPerHour } = input
  const platforms = checkList(input.platforms, `${field}.platforms`, MAX.platforms)
  const windows = checkList(input.windows, `${field}.windows`, MAX.windows)
  return {
    ...(minimumAgeSeconds != null && {
      minimumAgeSeconds: checkWhole(`${field}.minimumAgeSeconds`, minimumAgeSeconds, MAX.ageSeconds),
    }),
    ...(input.verified && { verified: true }),
    ...(platforms && {
      platforms: platforms.map((name, at) => checkPlatform(name, `${field}.platforms.${at}`)),
    }),
    ...(windows && {
      windows: windows.map((window, at) => checkWindow(window, `${field}.windows.${at}`, now)),
    }),
    ...(maxPerHour != null && { maxPerHour: checkWhole(`${field}.maxPerHour`, maxPerHour, MAX.perHour) }),
    ...(input.approval && { approval: true }),
  }
}

function checkWhole(field: string, value: number, max: number): number {
  if (Number.isInteger(value)) return checkRange(field, value, 1, max)
  throw new InvalidInputError(field, `"${field}" is ${value}; it must be a whole number from 1 to ${max}`)
}

/** Returns the list; undefined for one that is left out or empty. */
function checkList<Item>(
  list: readonly Item[] | null | undefined,
  field: string,
  max: number,
): readonly Item[] | undefined {
  if (list == null || list.length === 0) return undefined
  if (list.length <= max) return list
  throw new InvalidInputError(field, `"${field}" has ${list.length} entries; at most ${max} are allowed`)
}

function checkPlatform(name: string, field: string): string {
  if (isPlatformName(name)) return name
  throw new InvalidInputError(
    field,
    `"${field}" is ${quoted(name)}: it must be an operating system and a processor, such as "linux/amd64" or "linux/arm/v7"`,
  )
}
