import { describe, expect, it } from 'vitest'
import { InvalidInputError } from '../../../src/input/errors.ts'
import { checkGuards, type GuardsInput } from '../../../src/triggers/guard/guards.ts'

const NOW = Date.UTC(2026, 0, 1)
const problemOf = (input: GuardsInput): unknown => {
  try {
    return checkGuards(input, 'guards', NOW)
  } catch (error) {
    return error instanceof InvalidInputError ? [error.field, error.message] : error
  }
}

describe('the input of guards', () => {
  it('is stored without guards that are left out, null, false or empty', () => {
    const input = {
      minimumAgeSeconds: null,
      verified: false,
      platforms: [],
      windows: null,
      approval: undefined,
    }
    expect(checkGuards(input, 'guards', NOW)).toEqual({})
  })

  it('is stored as given, and can be checked again', () => {
    const guards = {
      minimumAgeSeconds: 3_600,
      verified: true,
      platforms: ['linux/amd64', 'linux/arm64'],
      windows: [{ cron: '30 2 * * SUN', timeZone: 'Europe/Berlin', durationMinutes: 120 }],
      maxPerHour: 10,
      approval: true,
    } as const

    expect(checkGuards(guards, 'guards', NOW)).toEqual(guards)
    expect(JSON.parse(JSON.stringify(checkGuards(guards, 'guards', NOW)))).toEqual(guards)
  })

  it.each<[string, GuardsInput, string]>([
    ['minimumAgeSeconds', { minimumAgeSeconds: 0 }, 'is 0; it must be from 1 to 2592000'],
    ['minimumAgeSeconds', { minimumAgeSeconds: 1.5 }, 'is 1.5; it must be a whole number from 1 to 2592000'],
    ['maxPerHour', { maxPerHour: 101 }, 'is 101; it must be from 1 to 100'],
    [
      'platforms.1',
      { platforms: ['linux/amd64', 'arm64'] },
      'is "arm64": it must be an operating system and a processor, such as "linux/amd64" or "linux/arm/v7"',
    ],
    ['platforms', { platforms: Array(21).fill('linux/amd64') }, 'has 21 entries; at most 20 are allowed'],
    [
      'windows.0.durationMinutes',
      { windows: [{ cron: '0 0 * * *', timeZone: 'UTC', durationMinutes: 0 }] },
      'is 0; it must be from 1 to 10080',
    ],
  ])('refuses a wrong %s with its field and what is allowed', (field, input, problem) => {
    expect(problemOf(input)).toEqual([`guards.${field}`, `"guards.${field}" ${problem}`])
  })
})
