import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OddShapeError } from '../../src/vendors/listing/errors.ts'
import { creationTimeOf, timeOf, timestampOf } from '../../src/vendors/listing/response.ts'
import { image } from '../fixtures/random-image.ts'
import { quaySide } from '../fixtures/vendors/quay.ts'
import { startVendor } from './world.ts'

const SECOND = 1000
const TIME = Date.UTC(2026, 0, 2, 3, 4, 5)

describe('a timestamp', () => {
  test.each([
    [TIME / SECOND, SECOND],
    [String(TIME / SECOND), SECOND],
    [TIME, 1],
    [String(TIME), 1],
    [TIME / SECOND + 0.0004, SECOND],
  ])('%s in units of %i ms is a time', (value, unit) => {
    expect(timestampOf(value, unit)).toBe(TIME)
  })

  test.each([undefined, null, 0, '0', '', 'now', true, {}, []])('%j is no time', (value) => {
    expect(timestampOf(value, SECOND)).toBeNull()
  })

  test.each([
    ['a denormal number', 5e-324],
    ['a negative number', -1],
    ['a negative time', -TIME / SECOND],
    ['the first second of 1970', 1],
    ['a time before 2000', Date.UTC(1999, 11, 31) / SECOND],
    ['a time after 2999', Date.UTC(3000, 0) / SECOND],
    ['milliseconds in place of seconds', TIME],
    ['nanoseconds in place of seconds', String(TIME * 1e6)],
    ['more digits than a number has', '12345678901234567890'],
    ['the largest number', Number.MAX_VALUE],
    ['infinity, as JSON.parse returns 1e999', JSON.parse('1e999')],
    ['not a number', Number.NaN],
  ])('is an odd shape when it is %s', (_what, value) => {
    expect(() => timestampOf(value, SECOND)).toThrow(OddShapeError)
  })

  test('is an odd shape when it has seconds in place of milliseconds', () => {
    expect(() => timestampOf(TIME / SECOND, 1)).toThrow(OddShapeError)
  })

  test('is null, an odd shape, or whole milliseconds from 2000 to 2999, for any number', () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.integer(), fc.double({ min: 0, max: 1e14 })), (value) => {
        try {
          const time = timestampOf(value, SECOND)
          if (time === null) expect(value === 0).toBe(true)
          else
            expect([Number.isInteger(time), new Date(time).getUTCFullYear()]).toEqual([
              true,
              expect.toSatisfy((year: number) => year >= 2000 && year <= 3000),
            ])
        } catch (error) {
          expect(error).toBeInstanceOf(OddShapeError)
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('an RFC 3339 time', () => {
  test.each(['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.000Z', '2026-01-02T04:04:05+01:00'])(
    '%s is a time',
    (text) => {
      expect(timeOf(text)).toBe(TIME)
      expect(creationTimeOf(text)).toBe(TIME)
    },
  )

  test.each([
    undefined,
    null,
    '',
    'yesterday',
    TIME,
    '2026-01-02',
    '0001-01-01T00:00:00Z',
    '1970-01-01T00:00:00.000Z',
  ])('%j is no time', (value) => {
    expect(timeOf(value)).toBeNull()
    expect(creationTimeOf(value)).toBeNull()
  })

  test.each([
    '1969-12-31T23:59:59Z',
    '1970-01-01T00:00:01Z',
    '1999-12-31T23:59:59Z',
    '3000-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
    '9999-99-99T99:99:99Z',
  ])('%s is an odd shape, except as the creation time of an image', (text) => {
    expect(() => timeOf(text)).toThrow(OddShapeError)
    expect(creationTimeOf(text)).toBeNull()
  })
})

test('a listing with an implausible time is an odd shape as a whole', async () => {
  await using quay = await startVendor(quaySide())
  const { registry, client, name } = quay
  registry.push('team/app', 'latest', image({ seed: 'one' }))
  registry.listingHook = (page) => {
    const json = JSON.parse(page.body.toString())
    json.tags[0].start_ts = 5e-324
    return { ...page, body: JSON.stringify(json) }
  }

  expect(await client.refusal(name)).toMatchObject({
    reason: 'InvalidListing',
    message: expect.stringContaining('it has an implausible time'),
  })
})
