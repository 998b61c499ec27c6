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
