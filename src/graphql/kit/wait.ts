import { checkRange } from './checks.ts'

/** The longest that a mutation waits for an import, in seconds. */
const MAX_WAIT = 300

/** Returns the `waitSeconds` argument. Throws InvalidInputError. */
export const checkWait = (seconds: number): number => checkRange('waitSeconds', seconds, 0, MAX_WAIT)

/** Description of a `waitSeconds` argument. */
export const WAIT_DESCRIPTION = `Number of seconds to wait for the import to finish, 0 to ${MAX_WAIT}; the default is 30. With 0 the mutation returns at once; \`importProgressed\` reports the progress.`
