import { onOneLine } from '../../../oci/control-characters.ts'
import { isObject, type Json, parseJson } from '../../../oci/json.ts'
import type { ReceiverResponse, Verdict } from '../action-kind.ts'
import type { Failure } from '../answer.ts'

/** Characters of a receiver’s own words in a message. */
const MAX_WORDS = 300

/** Returns the JSON object of a response; an empty one for a body that is none. */
export function jsonOf({ text }: Pick<ReceiverResponse, 'text'>): Json {
  const value = parseJson(text)
  return isObject(value) ? value : {}
}

/** Returns an address that people may be sent to; null for anything but an http: or https: URL. */
export function linkOf(value: unknown): string | null {
  if (typeof value !== 'string' || !URL.canParse(value)) return null
  const { protocol, href } = new URL(value)
  return protocol === 'https:' || protocol === 'http:' ? href : null
}

/** Returns what a receiver of no known kind says: a text of its JSON object, or a body that is plain text. */
export function wordsOf(response: Pick<ReceiverResponse, 'text'>): unknown {
  const { message, error, detail } = jsonOf(response)
  const isPlain = !/^\s*[<{[]/.test(response.text)
  return message ?? detail ?? error ?? (isPlain ? response.text.trim() : undefined)
}

/** Returns a failure with what the receiver says, and what to do. */
export function explained(failure: Failure, words: unknown, remedy: string | undefined): Failure {
  const parts = [failure.message, quotedWords(words), remedy].filter((part) => part !== undefined)
  return { ...failure, message: parts.join(': ') }
}

/** Returns the verdict on a response: what to do about a status, and nothing about an acceptance. */
export function explainedBy(
  remedies: Readonly<Record<number, string>>,
  response: ReceiverResponse,
  failure: Failure | null,
): Verdict {
  if (!failure) return {}
  return { failure: explained(failure, jsonOf(response).message, remedies[response.status]) }
}

/** Returns text of a receiver for a message; undefined where there is none. */
function quotedWords(words: unknown): string | undefined {
  if (words === undefined || words === null || words === '') return undefined
  const text = typeof words === 'string' ? words : JSON.stringify(words)
  return `"${onOneLine(text).slice(0, MAX_WORDS)}"`
}
