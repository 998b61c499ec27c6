import type { Digest } from '../../oci/digest.ts'
import type { TriggerCondition, TriggerProblem } from '../workload/condition.ts'
import type { ContainerRow, WorkloadRow } from './workload-rows.ts'

/** Why a workload does not get the images of its tags. */
export type WorkloadProblem =
  | TriggerProblem
  /** The cluster is not opened to the namespace of the tag. */
  | 'NOT_OPENED'
  /** Another field manager has replaced the image again and again. */
  | 'CONTESTED'
  /** The last request failed, and is repeated. */
  | 'RETRYING'

/** A problem of a workload, with what to do, while it lasts. */
export interface WorkloadCondition extends Omit<TriggerCondition, 'reason'> {
  readonly reason: WorkloadProblem
  /** Since when, in milliseconds since 1970. */
  readonly since: number
}

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
   * Number of later entries in the history of the container's tag; null without a tag, and for an image that the newest 1000
   * entries do not have.
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
