import type { Database } from '../../db/open.ts'
import { RUNNING_IMPORTS, RUNNING_OF_REGISTRY } from '../import/import.ts'

/**
 * Number of unfinished imports at which no scheduled import starts: the other half is for imports that clients request.
 * Of one registry no more count than may run, so that a slow registry does not block the others.
 */
export const PLACES = RUNNING_IMPORTS / 2
/** The same for the imports of one registry. */
export const PLACES_OF_REGISTRY = RUNNING_OF_REGISTRY / 2

/** The registry of the stream `r`; null where only its spec tags name registries. */
const REGISTRY = `substr(r.docker_image_repository, 1, instr(r.docker_image_repository, '/'))`

/** A stream whose scheduled import is due at a time, in milliseconds since 1970. */
export interface DueStream {
  readonly streamId: number
  readonly dueAt: number
}

/**
 * Returns a function that returns the stream that is due first, of those that may be imported; undefined while too many
 * imports are unfinished. Prepared: it runs after every commit that changes a schedule or ends an import.
 */
export function createNextStream(db: Database): () => DueStream | undefined {
  const next = db.prepare<DueStream>(`
    with unfinished as (
      select ${REGISTRY} as registry, count(*) as imports
      from imports i join image_streams r on r.id = i.stream_id
      where i.finished_at is null group by coalesce(${REGISTRY}, i.id))
    select s.stream_id as streamId, s.due_at as dueAt
    from import_schedules s join image_streams r on r.id = s.stream_id
    where s.stream_id not in (select coalesce(stream_id, 0) from imports where finished_at is null)
      and coalesce(${REGISTRY}, '') not in (
        select registry from unfinished where registry is not null and imports >= ${PLACES_OF_REGISTRY})
    order by s.due_at
    limit (select coalesce(sum(min(imports, ${RUNNING_OF_REGISTRY})), 0) < ${PLACES} from unfinished)`)
  return () => next.get()
}
