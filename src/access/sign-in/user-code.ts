import { createHash, randomInt } from 'node:crypto'

/** Consonants without those that look alike: no word arises. */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ'
const HALF = 5
const RANDOM = 2 * HALF - 2

/** Milliseconds for a person to enter the code; twice the time that a check of the code covers. */
export const LIFETIME = 10 * 60_000
const PERIOD = LIFETIME / 2

/**
 * Returns a new code for a program to show: eight random letters and two by which a wrong or old code is found, since codes are not
 * stored. `now` is in milliseconds since 1970.
 */
export function newUserCode(now: number): string {
  const random = Array.from({ length: RANDOM }, () => LETTERS[randomInt(LETTERS.length)]).join('')
  return written(random + checkOf(random, periodOf(now)))
}

/**
 * Returns the code as the program shows it, however the person writes it; undefined for a code that no program shows or that is too
 * old. One of 130 wrong codes is taken for a right one.
 */
export function parseUserCode(text: string, now: number): string | undefined {
  const letters = text
    .slice(0, 40)
    .toUpperCase()
    .replace(/[^A-Z]/g, '')
  const random = letters.slice(0, RANDOM)
  const isShown = [0, 1, 2].some((age) => letters === random + checkOf(random, periodOf(now) - age))
  return isShown ? written(letters) : undefined
}

const periodOf = (now: number): number => Math.floor(now / PERIOD)

const written = (letters: string): string => `${letters.slice(0, HALF)}-${letters.slice(HALF)}`

function checkOf(random: string, period: number): string {
  const hash = createHash('sha256').update(`${random} ${period}`).digest()
  return [0, 4].map((at) => LETTERS[hash.readUInt32BE(at) % LETTERS.length]).join('')
}
