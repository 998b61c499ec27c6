/**
 * Whether the whole text matches a pattern in which `*` stands for any characters, none included.
 * Time grows with pattern × text, whatever the pattern: users write it.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0
  let star = -1
  let resumeAt = 0
  for (let t = 0; t < text.length; ) {
    if (pattern[p] === '*') {
      star = p++
      resumeAt = t
    } else if (pattern[p] === text[t]) {
      p++
      t++
    } else if (star >= 0) {
      // let the last star take one more character
      p = star + 1
      t = ++resumeAt
    } else {
      return false
    }
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}

const LAST_CHARACTER = '\x7f'

/**
 * Where texts that match a pattern lie in byte order, the end excluded: those that begin with what stands before its
 * first `*`. Undefined where it begins with one. Names and tags are printable ASCII.
 */
export function literalRange(pattern: string): readonly [from: string, to: string] | undefined {
  const literal = pattern.split('*', 1)[0] ?? ''
  return literal === '' ? undefined : [literal, literal + LAST_CHARACTER]
}
