import type { Viewer } from '../../access/right/viewer.ts'
import { probes } from '../../db/search.ts'
import { columnsOfStream, visibleStreams } from '../../db/visible-places.ts'

/** Returns the conditions that rows of `tags` are of streams that the viewer sees, with the values of their question marks. */
export function visibleTags({ rights }: Viewer, streamId = 'tags.stream_id') {
  const { where, values } = probes(visibleStreams(rights, columnsOfStream('seen')))
  if (where.length === 0) return { where: [], values: [] }
  const isSeen = `exists (select 1 from image_streams seen where seen.id = ${streamId} and ${where.join(' and ')})`
  return { where: [isSeen], values }
}

/** Returns the conditions that rows of `tag_events` are of streams that the viewer sees; as `visibleTags`. */
export function visibleEvents(viewer: Viewer) {
  const streamId = '(select own.stream_id from tags own where own.id = tag_events.tag_id)'
  return visibleTags(viewer, streamId)
}
