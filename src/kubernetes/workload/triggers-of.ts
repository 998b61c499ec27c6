import type { Json } from '../../oci/json.ts'
import { buildTriggers } from './build-config.ts'
import { configTriggers } from './deployment-config.ts'
import { annotatedTriggers } from './desired-changes.ts'
import { type ImageTriggers, isMadeByWorkload } from './image-trigger.ts'

/** Returns the triggers that are written in an object of any kind: in its annotation, or in its spec. */
export function triggersOf(object: Json): ImageTriggers {
  if (isMadeByWorkload(object)) return { triggers: [], conditions: [] }
  switch (object.kind) {
    case 'BuildConfig':
      return buildTriggers(object)
    case 'DeploymentConfig': {
      const [annotated, own] = [annotatedTriggers(object), configTriggers(object)]
      return {
        triggers: [...annotated.triggers, ...own.triggers],
        conditions: [...annotated.conditions, ...own.conditions],
      }
    }
    default:
      return annotatedTriggers(object)
  }
}
