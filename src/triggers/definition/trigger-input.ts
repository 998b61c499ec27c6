import { invalid, quoted } from '../../input/errors.ts'
import { checkGlob } from '../../input/glob.ts'
import { checkBasePattern } from './base-pattern.ts'
import type { Trigger } from './trigger.ts'

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,98}[a-z0-9])?$/
const MAX_REASON = 500

/** Tags whose moves a trigger reacts to. */
export interface Source {
  /** Pattern over names of streams of the namespace. */
  readonly streams: string
  /** Pattern over names of tags. */
  readonly tags: string
  /** TAG unless given: each move of a tag. */
  readonly source?: Trigger['source'] | undefined
  /** Pattern over the bases of images, for BASE_IMAGE; all of the namespace unless given. */
  readonly bases?: string | null | undefined
}

/** Until when, and why, a trigger is paused. */
export interface Pause {
  readonly reason: string
  /** Milliseconds since 1970; null for a pause without end. */
  readonly until: number | null
}

/** Returns the name, or throws InvalidInputError. */
export function checkTriggerName(name: string): string {
  if (NAME.test(name)) return name
  throw invalid('name', `is ${quoted(name)}: it must have 1 to 100 lower-case letters, digits and "-"`)
}

/** Returns the source in a namespace. Throws InvalidInputError. */
export function checkSource({ streams, tags, source = 'TAG', bases }: Source, namespace: string) {
  const isOfBase = source === 'BASE_IMAGE'
  if (bases != null && !isOfBase) throw invalid('baseImages', 'is only for the source BASE_IMAGE')
  return {
    streams: checkGlob(streams, 'imageStreams') ?? '*',
    tags: checkGlob(tags, 'tags') ?? '*',
    source,
    bases: isOfBase ? checkBasePattern(bases ?? '*', namespace, 'baseImages') : null,
  }
}

/** Returns the pause. Throws InvalidInputError. */
export function checkPause({ reason, until }: Pause, now: number): Pause {
  if (reason.trim() === '' || reason.length > MAX_REASON) {
    throw invalid('message', `must have 1 to ${MAX_REASON} characters`)
  }
  if (until !== null && until <= now) throw invalid('until', 'must be in the future')
  return { reason, until }
}
