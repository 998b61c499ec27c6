import type { Json } from '../../oci/json.ts'
import type { TriggerCondition } from './condition.ts'
import type { Container } from './containers.ts'

/** An image that a container is to have. */
export interface ImageChange {
  readonly container: Container
  /** As the trigger writes it. */
  readonly fieldPath: string
  readonly to: string
}

/** What an object is to become. */
export interface DesiredImages {
  /** Containers whose image differs from that of their tag; at most one change for each. */
  readonly changes: readonly ImageChange[]
  /** `spec.triggers` of a DeploymentConfig that records the images; undefined if nothing is to be recorded. */
  readonly triggers?: readonly Json[]
  readonly conditions: readonly TriggerCondition[]
}
