/** Maximum number of characters of a caller's text in a message. */
const MAX_QUOTED = 100

/** Returns the text in quotation marks, truncated after 100 characters. */
export const quoted = (text: string): string =>
  text.length > MAX_QUOTED ? `"${text.slice(0, MAX_QUOTED)}…"` : `"${text}"`
