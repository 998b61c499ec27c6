import type { MovedTag } from './moved-tag.ts'

/** Type of the event. */
export const EVENT_TYPE = 'io.imagestreams.tag.moved.v1'

/** What a request has besides the headers of its signature. */
export interface EventContent {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

interface EventContext {
  /** The same at each attempt. */
  readonly id: string
  /** `https://streams.example.org`: this server for other machines. */
  readonly publicUrl: string
}

/** Returns the attributes of the event. Source: CloudEvents 1.0.2. */
function attributesOf({ namespace, imageStream, tag, movedAt }: MovedTag, { id, publicUrl }: EventContext) {
  const source = `${publicUrl}/namespaces/${encodeURIComponent(namespace)}/imagestreams/${encodeURIComponent(imageStream)}`
  return {
    specversion: '1.0',
    type: EVENT_TYPE,
    source,
    id,
    time: new Date(movedAt).toISOString(),
    subject: tag,
  }
}

const dataOf = ({ movedAt: _, ...data }: MovedTag): object => data

/** Returns the move as a CloudEvent in structured mode: attributes and data are one JSON object. */
export const structuredEvent = (move: MovedTag, context: EventContext): EventContent => ({
  headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' },
  body: JSON.stringify({
    ...attributesOf(move, context),
    datacontenttype: 'application/json',
    data: dataOf(move),
  }),
})

/** Returns the move as a CloudEvent in binary mode: the attributes are headers, the data is the body. */
export const binaryEvent = (move: MovedTag, context: EventContext): EventContent => ({
  headers: {
    'content-type': 'application/json',
    ...Object.fromEntries(
      Object.entries(attributesOf(move, context)).map(([name, value]) => [`ce-${name}`, headerValue(value)]),
    ),
  },
  body: JSON.stringify(dataOf(move)),
})

/** Returns a header's value. Source: CloudEvents HTTP binding 1.0.2, 3.1.3.2. */
const headerValue = (value: string): string =>
  value.replace(/[^\x21\x23\x24\x26-\x7e]/gu, (character) => encodeURIComponent(character))
