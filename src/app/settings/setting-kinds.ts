import { readFileSync } from 'node:fs'
import { isInNetworks } from '../../egress/networks.ts'

// Parsers of settings, described by the text that they accept. Each throws an Error whose message completes the sentence
// "it must be …".

/** A whole number in the range, both ends included. */
export const wholeNumber =
  (minimum: number, maximum: number) =>
  (text: string): number => {
    const number = Number(text)
    if (!/^\d+$/.test(text) || number < minimum || number > maximum) {
      throw new Error(`a whole number from ${minimum} to ${maximum}`)
    }
    return number
  }

/** Empty, which is null, or a text of the other parser. */
export const orNone =
  <Value>(parse: (text: string) => Value) =>
  (text: string): Value | null =>
    text === '' ? null : parse(text)

/** One of the words. */
export const oneOf =
  <Value extends string>(...values: readonly Value[]) =>
  (text: string): Value => {
    const value = values.find((one) => one === text)
    if (value === undefined) throw new Error(values.join(' or '))
    return value
  }

/** Items separated by commas. */
export const list = (text: string): readonly string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

/** Addresses and networks: `192.0.2.7`, `10.20.0.0/16`. */
export const networks = (text: string): readonly string[] => {
  const listed = list(text)
  try {
    isInNetworks(listed)
  } catch {
    throw new Error('addresses or networks like 10.20.0.7 or 10.20.0.0/16, separated by commas')
  }
  return listed
}

/** Origins of pages, exactly as browsers send them. */
export const origins = (text: string): readonly string[] => {
  const listed = list(text)
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

/** Names of a server, in lower case and without port; `*.example.org` for all below that one. */
export const hostNames = (text: string): readonly string[] => {
  const listed = list(text).map((name) => name.toLowerCase())
  if (!listed.every((name) => /^(?:\*\.)?[a-z\d_-]+(?:\.[a-z\d_-]+)*$/.test(name))) {
    throw new Error('names like registry.example.org or *.example.org, separated by commas, without a port')
  }
  return listed
}

/** Scheme, host and port of a server. */
export const origin = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isOrigin = url && ['http:', 'https:'].includes(url.protocol) && url.origin === text
  if (!isOrigin) throw new Error('an origin like https://registry.example.org:5000, without a path')
  return url
}

/** URL of an OpenID provider: with TLS, except on this machine. */
export const issuer = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isSafe =
    url?.protocol === 'https:' ||
    (url?.protocol === 'http:' && /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname))
  if (!url || !isSafe || url.search !== '' || url.hash !== '' || url.username !== '') {
    throw new Error('a URL like https://login.example.org/team; http:// only on this machine')
  }
  return url
}

/** A secret of at least 16 characters. */
export const secret = (text: string): string => {
  if (text.length < MINIMUM_SECRET_LENGTH) throw new Error(`at least ${MINIMUM_SECRET_LENGTH} characters`)
  return text
}
const MINIMUM_SECRET_LENGTH = 16

/** Id of a sealing key: 16 hexadecimal digits. */
export const keyId = (text: string): string => {
  if (!/^[0-9a-f]{16}$/.test(text)) throw new Error('the 16 hexadecimal digits from the error message or log')
  return text
}

/** A number in a unit of `factor`. */
export const times = (factor: number, parse: (text: string) => number) => (text: string) =>
  factor * parse(text)
export const MEBIBYTE = 1024 ** 2
export const GIBIBYTE = 1024 ** 3

/** The text of a file of PEM certificates; none for an empty path. */
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
