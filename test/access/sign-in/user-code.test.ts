import { expect, test } from 'vitest'
import { LIFETIME, newUserCode, parseUserCode } from '../../../src/access/sign-in/user-code.ts'

const NOW = 1_800_000_000_000

test('the code of a program is known for its lifetime, however a person writes it', () => {
  const code = newUserCode(NOW)
  for (const text of [code, code.toLowerCase(), code.replace('-', ' '), ` ${code.replace('-', '')}\n`]) {
    expect(parseUserCode(text, NOW + LIFETIME)).toBe(code)
  }
  expect(parseUserCode(code, NOW + 1.5 * LIFETIME)).toBeUndefined()
})

test('nearly all codes with a wrong letter are found', () => {
  const codes = Array.from({ length: 2_000 }, () => newUserCode(NOW))
  const wrong = codes.map((code, at) => {
    const place = (at % 5) + (at % 2) * 6
    return [...code].with(place, code[place] === 'B' ? 'C' : 'B').join('')
  })
  const taken = wrong.filter((code) => parseUserCode(code, NOW) !== undefined)
  expect(taken.length).toBeLessThan(60)
})

test.each(['', 'BCDFGHJK', 'BCDFG-HJKLMN', 'AAAAA-AAAAA', '?'.repeat(1_000)])('%s is no code', (text) => {
  expect(parseUserCode(text, NOW)).toBeUndefined()
})
