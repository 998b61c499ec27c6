/** Names of a stream and of a tag of it. */
export type TagPosition = readonly [stream: string, tag: string]

/** How far the bases of the tags of a trigger were read: all tags, then the moves meanwhile. */
export interface BasesReading {
  /** The last tag whose bases were read; two empty names before the first, null after all. */
  readonly after: TagPosition | null
  /** Number of the last entry of the change log for which the trigger knew the bases. */
  readonly known: number
}

/** Returns the reading that begins now, when the newest entry of the change log has this number, as it is stored. */
export const newReading = (head: number): string => stored({ after: ['', ''], known: head })

/** Returns a reading as it is stored. */
export const stored = (reading: BasesReading): string => JSON.stringify(reading)

/** Returns a stored reading. */
export const readingOf = (text: string): BasesReading => JSON.parse(text)
