import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { vi } from 'vitest'

// Records everything that a server writes while it is used, and searches it for the secrets of that use.

interface RecordedResponse {
  readonly url: string
  /** Secrets that the request itself presents. */
  readonly presented: string
  readonly text: string
}

/** Records the lines of a log, and the responses to all requests by `fetch`. */
export class Recording implements Disposable {
  readonly lines: string[] = []
  readonly #responses: RecordedResponse[] = []
  readonly #secrets = new Map<string, { readonly value: string; readonly shownBefore: number }>()
  readonly #spy

  /** Requests to other servers than the one at `origin` are not recorded. */
  constructor(origin: () => string) {
    const send = globalThis.fetch
    this.#spy = vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      const response = await send(input, init)
      const url = String(input)
      if (url.startsWith(origin())) {
        const headers = [...response.headers].map((pair) => pair.join(': ')).join('\n')
        const presented = `${url}\n${JSON.stringify(init?.headers)}\n${init?.body}`
        this.#responses.push({ url, presented, text: `${headers}\n${await response.clone().text()}` })
      }
      return response
    })
  }

  /** Destination of a log. */
  readonly write = (line: string): void => void this.lines.push(line)

  /** Remembers a secret. The responses until now may contain it: they have shown it to its owner. */
  secret(name: string, value: string | null | undefined): string {
    if (!value || value.length < 8) throw new Error(`there is no secret ${name}: ${value}`)
    this.#secrets.set(name, { value, shownBefore: this.#responses.length })
    return value
  }

  get names(): readonly string[] {
    return [...this.#secrets.keys()]
  }

  /** Returns where the secrets appear: in the log, in a later response to another request than the holder's, and in the files. */
  found(folder: string): string[] {
    const files = filesIn(folder).map((path) => ({
      where: path.slice(folder.length),
      bytes: readFileSync(path),
    }))
    const found: string[] = []
    for (const [name, { value, shownBefore }] of this.#secrets) {
      const forms = formsOf(value)
      const isIn = (text: string): boolean => forms.some((form) => text.includes(form))
      for (const line of this.lines) if (isIn(line)) found.push(`${name} in the log: ${line.slice(0, 300)}`)
      for (const { url, presented, text } of this.#responses.slice(shownBefore)) {
        // a refresh token is returned to the one who presents it
        if (isIn(text) && !(url.includes('/token') && isIn(presented)))
          found.push(`${name} in the response of ${url.slice(0, 100)}: ${text.slice(0, 500)}`)
      }
      for (const { where, bytes } of files)
        if (forms.some((form) => bytes.includes(form))) found.push(`${name} in ${where}`)
    }
    return found
  }

  [Symbol.dispose](): void {
    this.#spy.mockRestore()
  }
}

const formsOf = (value: string): string[] => [
  value,
  encodeURIComponent(value),
  JSON.stringify(value).slice(1, -1),
  // without the last characters, which depend on what follows
  Buffer.from(value).toString('base64').slice(0, -4),
  Buffer.from(value).toString('hex'),
]

function filesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? filesIn(path) : [path]
  })
}
