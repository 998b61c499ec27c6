import { type MovedTag, repositoryOf } from './moved-tag.ts'

/** Type of the event of a tag that moved. */
const EVENT_TYPE = 'io.imagestreams.tag.moved.v1'
/** Type of the event of a tag whose image is based on another tag's, which moved. */
const BASE_EVENT_TYPE = 'io.imagestreams.baseimage.moved.v1'

/** A CloudEvent whose data is JSON. Source: CloudEvents 1.0.2. */
export interface OutgoingEvent {
  readonly attributes: {
    readonly specversion: '1.0'
    readonly type: string
    readonly source: string
    readonly id: string
    readonly time: string
    readonly subject: string
  }
  readonly data: object
}

/** What a request has besides the headers of its signature. */
export interface EventContent {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface EventContext {
  /** The same at each attempt. */
  readonly id: string
  /** `https://streams.example.org`: this server for other machines. */
  readonly publicUrl: string
}

/** Returns the address of the image stream, which the source of an event is. */
export const sourceOf = (
  { namespace, imageStream }: Pick<MovedTag, 'namespace' | 'imageStream'>,
  { publicUrl }: EventContext,
): string =>
  `${publicUrl}/namespaces/${encodeURIComponent(namespace)}/imagestreams/${encodeURIComponent(imageStream)}`

/** Returns what an event says about the move. */
export const dataOf = ({ movedAt: _, ...data }: MovedTag): object => ({
  ...data,
  repository: repositoryOf(data),
})

/** Returns the move as this server’s own event. */
export const movedEvent = (move: MovedTag, context: EventContext): OutgoingEvent => ({
  attributes: {
    specversion: '1.0',
    type: move.baseImage ? BASE_EVENT_TYPE : EVENT_TYPE,
    source: sourceOf(move, context),
    id: context.id,
    time: new Date(move.movedAt).toISOString(),
    subject: move.tag,
  },
  data: dataOf(move),
})

/** Returns an event in structured mode: attributes and data are one JSON object. */
export const structured = ({ attributes, data }: OutgoingEvent): EventContent => ({
  headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' },
  body: JSON.stringify({ ...attributes, datacontenttype: 'application/json', data }),
})

/** Returns an event in binary mode: the attributes are headers, the data is the body. */
export const binary = ({ attributes, data }: OutgoingEvent): EventContent => ({
  headers: {
    'content-type': 'application/json',
    ...Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [`ce-${name}`, headerValue(value)]),
    ),
  },
  body: JSON.stringify(data),
})

/** Returns a header's value. Source: CloudEvents HTTP binding 1.0.2, 3.1.3.2. */
const headerValue = (value: string): string =>
  value.replace(/[^\x21\x23\x24\x26-\x7e]/gu, (character) => encodeURIComponent(character))
