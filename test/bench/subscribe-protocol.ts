/** What the processes of the `subscribe` bench say to each other. */

/** Ours, and beside each its limit. */
export type Subject = 'graphql-ws' | 'bare ws' | 'SSE' | 'bare node:http'

export interface Command {
  readonly command: 'push' | 'usage' | 'connect' | 'expect'
  readonly subject?: Subject
  readonly port?: number
  readonly count?: number
  /** Number of the first push. */
  readonly first?: number
}

/** The operation that everybody subscribes to. */
export const QUERY =
  'subscription { imagePushed { sequence cursor namespace imageStreamName tag padding(bytes: 200) } }'

/** As long as the ids that clients make up, and as that of a log. */
export const EXAMPLE_ID = '123e4567-e89b-12d3-a456-426614174000'
