import type { PushLog } from '../events/push-log.ts'
import type { Images } from '../imagestream/image.ts'
import type { Importer } from '../imagestream/import.ts'
import type { ImportImageCommand } from '../imagestream/import-image.ts'
import type { DocumentSources } from '../imagestream/manifest-document.ts'
import type { Streams } from '../imagestream/stream.ts'
import type { Tags } from '../imagestream/tag.ts'
import type { StreamWriter } from '../imagestream/write-stream.ts'

/** Who asks. Everybody is the same viewer until there is sign-in; operations of one viewer may share an execution. */
export interface Viewer {
  readonly id: string
}

/** What the resolvers know of the world: the domain, and who asks. */
export interface GraphQLContext {
  /** Also in the answer's `X-Request-Id` and in every log line of the request. */
  readonly requestId: string
  readonly viewer: Viewer
  readonly pushes: PushLog
  readonly streams: Streams
  readonly tags: Tags
  readonly images: Images
  readonly importer: Importer
  readonly writer: StreamWriter
  readonly importImage: ImportImageCommand
  /** Where a stream's images can be pulled from. */
  readonly pullRepository: DocumentSources['pullRepository']
}

/** The part of the context that is the same for every request. */
export type Domain = Omit<GraphQLContext, 'requestId' | 'viewer'>
