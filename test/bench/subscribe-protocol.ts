/** Messages between the processes of the `subscribe` benchmark. */

/** This server's transports, and the limit of each. */
export type Subject = 'graphql-ws' | 'bare ws' | 'SSE' | 'bare node:http'

export interface Command {
  readonly command: 'push' | 'usage' | 'connect' | 'expect'
  readonly subject?: Subject
  readonly port?: number
  readonly count?: number
  /** Number of the first push. */
  readonly first?: number
}

/** The operation of all subscribers. */
export const QUERY =
  'subscription { imagePushed { sequence cursor namespace imageStreamName tag padding(bytes: 200) } }'

/** As long as the ids of typical clients, and as those of a log. */
export const EXAMPLE_ID = '123e4567-e89b-12d3-a456-426614174000'
