import { duplicateKey, failAt, MAX_DEPTH, type Path, type SourceDocument, tooDeep } from './source.ts'

/**
 * Parses a JSON document. Returns undefined for text that is not JSON.
 * Throws InvalidInputError for too deep objects and lists and for duplicate keys, of which `JSON.parse` keeps the last.
 */
export function parseJsonDocument(text: string): SourceDocument | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  checkPlaces(text)
  return { value, lineOf: (path) => positionOf(text, offsetOf(text, path)).line }
}

/** An open object or list: its keys so far (null for a list), and the current key or index. */
interface Frame {
  readonly keys: Set<string> | null
  at: string | number
}

const TOKEN = /[{}[\],:]|"[^"\\]*(?:\\.[^"\\]*)*"|[^\s{}[\],:"]+/g

/** Visits each key and each element of valid JSON in order; the last frame is the innermost. */
function visitPlaces(text: string, visit: (frames: readonly Frame[], offset: number) => void): void {
  const frames: Frame[] = []
  let isKey = false
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const frame = frames.at(-1)
    if (token === ':') continue
    if (token === '}' || token === ']') {
      frames.pop()
    } else if (token === ',') {
      if (typeof frame?.at === 'number') frame.at++
      isKey = frame?.keys != null
    } else if (isKey && frame) {
      frame.at = JSON.parse(token)
      visit(frames, index)
      isKey = false
    } else {
      if (frame?.keys === null) visit(frames, index)
      if (token === '{' || token === '[') {
        if (frames.length === MAX_DEPTH) fail(text, index, tooDeep)
        isKey = token === '{'
        frames.push(isKey ? { keys: new Set(), at: '' } : { keys: null, at: 0 })
      }
    }
  }
}

const checkPlaces = (text: string): void =>
  visitPlaces(text, (frames, offset) => {
    const { keys, at } = frames.at(-1) ?? { keys: null, at: 0 }
    if (typeof at === 'number' || !keys) return
    if (keys.has(at)) fail(text, offset, duplicateKey(at))
    keys.add(at)
  })

/** Returns the offset of the longest prefix of the path that exists. */
function offsetOf(text: string, path: Path): number {
  let offset = 0
  visitPlaces(text, (frames, at) => {
    // outer places are visited before inner ones
    if (frames.every((frame, level) => frame.at === path[level])) offset = at
  })
  return offset
}

function positionOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset)
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
}

function fail(text: string, offset: number, message: string): never {
  const { line, column } = positionOf(text, offset)
  failAt(line, column, message)
}
