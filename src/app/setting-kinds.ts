import { readFileSync } from 'node:fs'

// What a setting's text may be. Each throws an Error whose message says what is allowed: "it must be …".

/** A whole number between these two, both included. */
export const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const number = Number(text)
    if (!/^\d+$/.test(text) || number < least || number > most) {
      throw new Error(`a whole number from ${least} to ${most}`)
    }
    return number
  }

/** Null for no text at all. */
export const orNone =
  <Value>(parse: (text: string) => Value) =>
  (text: string): Value | null =>
    text === '' ? null : parse(text)

/** One of these words. */
export const oneOf =
  <Value extends string>(...values: readonly Value[]) =>
  (text: string): Value => {
    const value = values.find((one) => one === text)
    if (value === undefined) throw new Error(values.join(' or '))
    return value
  }

/** What stands between commas. */
export const list = (text: string): readonly string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

/** Origins of pages, as browsers send them. */
export const origins = (text: string): readonly string[] => {
  const listed = list(text)
  // a browser sends scheme, host and port, and nothing else is equal to it
  if (!listed.every((origin) => URL.canParse(origin) && new URL(origin).origin === origin)) {
    throw new Error('origins like https://ci.example.org, separated by commas, without a slash at the end')
  }
  return listed
}

/** `host[:port]`. */
export const host = (text: string): string => {
  const isHost = URL.canParse(`http://${text}`) && new URL(`http://${text}`).host === text.toLowerCase()
  if (!isHost) throw new Error('a host with an optional port, like registry.example.org:5000')
  return text
}

/** Scheme, host and port of a server. */
export const origin = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isOrigin = url && ['http:', 'https:'].includes(url.protocol) && url.origin === text
  if (!isOrigin) throw new Error('an origin like https://registry.example.org:5000, without a path')
  return url
}

/** What is hard to guess. */
export const secret = (text: string): string => {
  if (text.length < MINIMUM_SECRET_LENGTH) throw new Error(`at least ${MINIMUM_SECRET_LENGTH} characters`)
  return text
}
const MINIMUM_SECRET_LENGTH = 16

/** The id of a key that credentials were sealed with, as the server told it. */
export const keyId = (text: string): string => {
  if (!/^[0-9a-f]{16}$/.test(text)) throw new Error('the 16 hexadecimal digits that the server told')
  return text
}

/** A number in units of this many. */
export const times = (factor: number, parse: (text: string) => number) => (text: string) =>
  factor * parse(text)
export const MEBIBYTE = 1024 ** 2
export const GIBIBYTE = 1024 ** 3

/** The text of a file of PEM certificates; none without a path. */
export const certificates = (path: string): readonly string[] => {
  if (path === '') return []
  const pem = readPem(path)
  if (!pem.includes('BEGIN CERTIFICATE')) throw new Error('a file of PEM certificates')
  return [pem]
}
const readPem = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`a file of PEM certificates: ${(error as Error).message}`, { cause: error })
  }
}
