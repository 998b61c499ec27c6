/** The data of a result as JSON text: its properties are those of no other data. */
export class DataText {
  [name: string]: unknown
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  /** Returns the data. */
  toJSON(): unknown {
    return JSON.parse(this.text)
  }
}

interface Result {
  readonly data?: Readonly<Record<string, unknown>> | null | undefined
  readonly errors?: readonly object[] | undefined
  readonly extensions?: object | undefined
}

/** Returns the JSON text of a result whose errors are as clients get them. */
export function resultText({ errors, data, extensions }: Result): string {
  const members = [
    errors && `"errors":${JSON.stringify(errors)}`,
    data !== undefined && `"data":${data instanceof DataText ? data.text : JSON.stringify(data)}`,
    extensions && `"extensions":${JSON.stringify(extensions)}`,
  ]
  return `{${members.filter(Boolean).join()}}`
}
