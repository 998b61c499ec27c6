/** What the log and the metrics have about an operation of GraphQL. The pipeline fills it. */
export interface OperationRecord {
  /** `query`, `mutation` or `subscription`; undefined while the document is not known to be valid. */
  type?: string
  /** Its name, which the client has chosen. */
  name?: string
  /** Its root field, or `several`. */
  field?: string
  /** Seconds of its execution, for a subscription until it began. */
  seconds?: number
  /** Codes of the errors in its result. */
  readonly codes: Set<string>
}

/** What is known about a request before its response has ended; the log and the metrics read it afterwards. */
export interface RequestRecord {
  /** Pattern of its path: `/v2/{name}/blobs/{digest}`. */
  route: string
  /** Its path without secrets. */
  path: string
  /** Whether the response is a stream, which ends when the client or the server wants. */
  isStream?: true
  operation?: OperationRecord
}

export const newOperation = (): OperationRecord => ({ codes: new Set() })

/** Returns the fields of an operation for the log. */
export const operationFields = ({ type, name, codes }: OperationRecord): object => ({
  ...(type !== undefined && { type }),
  ...(name !== undefined && { operation: name }),
  ...(codes.size > 0 && { codes: [...codes] }),
})
