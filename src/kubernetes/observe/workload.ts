import type { Digest } from '../../oci/digest.ts'
import type { Condition } from '../cluster/condition.ts'
import type { ContainerRow, WorkloadRow } from './workload-rows.ts'

/** What a condition of a workload is about. */
export type WorkloadConditionType =
  /** Its triggers can be read, and name containers and tags that exist. */
  | 'VALID'
  /** Its containers have the images of their tags. */
  | 'UP_TO_DATE'
  /** No other field manager replaces the images that this server sets. */
  | 'UNCONTESTED'

export type WorkloadCondition = Condition<WorkloadConditionType>

/** An object of a cluster that runs containers or builds images. */
export interface Workload extends Omit<WorkloadRow, 'conditions'> {
  readonly conditions: readonly WorkloadCondition[]
}

/** An image that pods of a container run. */
export interface RunningImage {
  readonly digest: Digest
  readonly podCount: number
  /** When the first of the pods started, in milliseconds since 1970. */
  readonly since: number
  /**
   * Number of later entries in the history of the container's tag, at most 1000; null without a tag, and for an image that its
   * history does not have.
   */
  readonly entriesBehind: number | null
  /** Milliseconds between the entry of the image in the history and the newest; null as above. */
  readonly timeBehind: number | null
}

/** A container of a workload. */
export interface WorkloadContainer extends Omit<ContainerRow, 'isFollowing'> {
  readonly isFollowing: boolean
  /** By the time of their first pod. */
  readonly running: readonly RunningImage[]
  /** Whether pods run another image than the one that its tag points to. */
  readonly isBehind: boolean
}

/** Returns the workload in a row. */
export const workloadOf = (row: WorkloadRow): Workload => ({
  ...row,
  conditions: JSON.parse(row.conditions) as WorkloadCondition[],
})
