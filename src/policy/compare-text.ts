/** Above 0 when `a` comes after `b` in byte order, as tags are ASCII. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
