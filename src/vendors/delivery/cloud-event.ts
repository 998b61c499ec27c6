import { isObject } from '../../oci/descriptor.ts'
import { parseJson, textOf, textOfBody } from './body.ts'
import type { Delivery } from './sender.ts'

/** An event in the CloudEvents form. Source: CloudEvents 1.0.2, HTTP protocol binding. */
export interface CloudEvent {
  readonly id: string
  readonly source: string
  readonly type: string
  readonly subject: string
  readonly data: unknown
}

/**
 * The events of a delivery: in headers with their data as the body (binary mode), one as the body (structured), or
 * several (batch). Undefined where it has no CloudEvents at all. Throws InvalidDeliveryError.
 */
export function readCloudEvents({ headers, body }: Delivery): CloudEvent[] | undefined {
  const text = textOfBody(body)
  if (headers['ce-specversion'] !== undefined || headers['ce-type'] !== undefined) {
    const { 'ce-id': id, 'ce-source': source, 'ce-type': type, 'ce-subject': subject } = headers
    const data = text === '' ? null : parseJson(text)
    return [{ id: id ?? '', source: source ?? '', type: type ?? '', subject: subject ?? '', data }]
  }
  const json = parseJson(text)
  const events = Array.isArray(json) ? json : [json]
  if (events.length === 0 || !events.every(isCloudEvent)) return undefined
  return events.map(({ id, source, type, subject, data }) => ({
    id: textOf(id),
    source: textOf(source),
    type: textOf(type),
    subject: textOf(subject),
    data,
  }))
}

const isCloudEvent = (value: unknown): value is Readonly<Record<string, unknown>> =>
  isObject(value) && typeof value.specversion === 'string'

/** What the events are called together: `source` and `id` name one, the same when it is sent again. */
export const nameOfEvents = (events: readonly Pick<CloudEvent, 'id' | 'source'>[]): string =>
  events.every(({ id }) => id !== '') ? events.map(({ id, source }) => `${source}#${id}`).join(' ') : ''
