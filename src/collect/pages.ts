/** Rows that one statement of a collector reads: about a millisecond. */
export const PAGE = 1_000
