import { isObject, textOf } from '../../oci/json.ts'
import { jsonOfText, textOfBody } from './body.ts'
import type { Delivery } from './delivery.ts'

/** A CloudEvent. Source: CloudEvents 1.0.2, HTTP protocol binding. */
export interface CloudEvent {
  readonly id: string
  readonly source: string
  readonly type: string
  readonly subject: string
  readonly data: unknown
}

/**
 * Returns the CloudEvents of a delivery in binary, structured or batch mode; undefined when it has none. Throws
 * InvalidDeliveryError.
 */
export function readCloudEvents({ headers, body }: Delivery): CloudEvent[] | undefined {
  const text = textOfBody(body)
  if (headers['ce-specversion'] !== undefined || headers['ce-type'] !== undefined) {
    const { 'ce-id': id, 'ce-source': source, 'ce-type': type, 'ce-subject': subject } = headers
    const data = text === '' ? null : jsonOfText(text)
    return [{ id: id ?? '', source: source ?? '', type: type ?? '', subject: subject ?? '', data }]
  }
  const json = jsonOfText(text)
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

/** Returns an id of the delivery, which a repeated delivery has too; empty when an event has none. */
export const idOfEvents = (events: readonly Pick<CloudEvent, 'id' | 'source'>[]): string =>
  events.every(({ id }) => id !== '') ? events.map(({ id, source }) => `${source}#${id}`).join(' ') : ''
