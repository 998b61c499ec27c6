/** Returns a number above 0 when `a` comes after `b`. For ASCII text, such as tags, this is byte order. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
