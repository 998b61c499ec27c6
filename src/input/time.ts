const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i

/** Returns an RFC 3339 time as milliseconds since 1970; null for any other value. */
export function timeOfRfc3339(value: unknown): number | null {
  const time = typeof value === 'string' && RFC3339.test(value) ? Date.parse(value) : Number.NaN
  // well-formed, but not a time: month 13
  return Number.isNaN(time) ? null : time
}
