/** Characters of a caller's text that a message repeats. */
const MAX_QUOTED = 100

/** The text in quotation marks for a message, cut after 100 characters. */
export const quoted = (text: string): string =>
  text.length > MAX_QUOTED ? `"${text.slice(0, MAX_QUOTED)}…"` : `"${text}"`
