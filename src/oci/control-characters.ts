import { isObject } from './json.ts'

// Names and media types have no control characters. Texts, such as values of annotations and documents, may have tabs and
// line breaks. NUL ends a string in many programs, and others are hidden in a terminal: every entry point refuses them.

const CONTROL = /\p{Cc}/u
const CONTROL_IN_TEXT = /(?![\t\n\r])\p{Cc}/u
/** An escape of JSON for such a character, or the character itself. */
const MAY_HAVE_CONTROL = /\\u00[0189]|\\u007f|\\[bf]|(?![\t\n\r])\p{Cc}/iu

/** Reports whether a name has a control character: U+0000 to U+001F, and U+007F to U+009F. */
export const hasControlCharacter = (name: string): boolean => CONTROL.test(name)

/** Returns a text of another program for a message: on one line, without characters that change how others are shown. */
export const onOneLine = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')

/** Returns a control character for a message: `U+0000`. */
const nameOf = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`

/** A control character in a value of JSON. */
export interface FoundControlCharacter {
  /** Keys and indexes of the text that has it, the outermost first; a key that has it is the last. */
  readonly path: readonly (string | number)[]
  /** The path for a message, `annotations.title`; `?` stands for control characters. */
  readonly field: string
  /** What is wrong, to follow the name of the field. */
  readonly problem: string
}

/** A value that is still to be read, and its place. */
interface Place {
  readonly value: unknown
  readonly key: string | number
  readonly parent: Place | null
}

/** Maximum number of characters of a path in a message. */
const MAX_FIELD_LENGTH = 200

function foundAt(text: string, place: Place): FoundControlCharacter | undefined {
  const [character] = CONTROL_IN_TEXT.exec(text) ?? []
  if (!character) return undefined
  const path: (string | number)[] = []
  for (let at = place; at.parent; at = at.parent) path.unshift(at.key)
  const field = path
    .join('.')
    .replace(/\p{Cc}/gu, '?')
    .slice(0, MAX_FIELD_LENGTH)
  return { path, field, problem: `has the control character ${nameOf(character)}: remove it` }
}

/**
 * Returns a control character in the texts and keys of a value, other than tabs and line breaks; undefined for none. Reads
 * lists and objects of JSON of any depth.
 */
export function controlCharacterIn(value: unknown): FoundControlCharacter | undefined {
  const places: Place[] = [{ value, key: '', parent: null }]
  for (let place = places.pop(); place; place = places.pop()) {
    const { value: one } = place
    if (typeof one === 'string') {
      const found = foundAt(one, place)
      if (found) return found
    } else if (Array.isArray(one)) {
      for (let key = one.length - 1; key >= 0; key--) places.push({ value: one[key], key, parent: place })
    } else if (isObject(one)) {
      for (const [key, entry] of Object.entries(one).reverse()) {
        const inner = { value: entry, key, parent: place }
        const found = foundAt(key, inner)
        if (found) return found
        places.push(inner)
      }
    }
  }
  return undefined
}

/** Reports whether the text of JSON can have such a character; false for nearly all, without parsing it. */
export const mayHaveControlCharacter = (json: string): boolean => MAY_HAVE_CONTROL.test(json)

/** Reports whether the text of JSON has the escape of a NUL. */
export const hasNul = (json: string): boolean => /(?<!\\)(?:\\\\)*\\u0000/.test(json)
