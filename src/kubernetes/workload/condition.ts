/** Why an object does not get the image of a tag, where OpenShift would do nothing without a word. */
export type TriggerProblem =
  /** The annotation is not JSON, or has values of wrong types: none of its triggers applies. */
  | 'ANNOTATION_INVALID'
  /** `paused` is neither true nor false, as text or not: none of the triggers applies. */
  | 'PAUSED_INVALID'
  /** A trigger is paused: its image is not set. */
  | 'PAUSED'
  /** The object has more triggers than are read: none applies. */
  | 'TRIGGERS_TOO_MANY'
  /** A key is unknown, such as `pause`, and has no effect. */
  | 'KEY_UNKNOWN'
  /** Two triggers have the same field path: none of the triggers applies. */
  | 'FIELD_PATH_REPEATED'
  /** The field path is not in the pod spec of this kind of object: the trigger is ignored. */
  | 'FIELD_PATH_OUTSIDE'
  /** The field path does not lead to the image of a container: none of the triggers applies. */
  | 'FIELD_PATH_INVALID'
  /** The object has no such container: none of the triggers applies. */
  | 'CONTAINER_UNKNOWN'
  /** Two triggers set the image of one container: the last one applies. */
  | 'CONTAINER_REPEATED'
  /** The source is not a tag of an image stream: the trigger is ignored. */
  | 'SOURCE_INVALID'
  /** The tag does not exist yet, or has no image. */
  | 'TAG_UNKNOWN'
  /** The images of existing objects of this kind cannot change. */
  | 'IMMUTABLE'
  /** The BuildConfig starts no builds. */
  | 'BUILD_CONFIG_PAUSED'
  /** This server lacks a permission in the cluster. */
  | 'FORBIDDEN'
  /** The object, or its kind, does not exist. */
  | 'NOT_FOUND'
  /** The API server refuses the change. */
  | 'REFUSED'

/** A problem of an object's triggers, or of a change of its images, for people. */
export interface TriggerCondition {
  readonly reason: TriggerProblem
  /** What is wrong. */
  readonly message: string
  /** What a person can do. */
  readonly remedy: string
  /** Field path of the trigger; null if the problem is not that of one trigger. */
  readonly fieldPath: string | null
  /** Namespace of the image stream that the message names; undefined where it names none. */
  readonly streamNamespace?: string
}

/** Returns a condition. */
export const condition = (
  reason: TriggerProblem,
  message: string,
  { remedy, fieldPath = null }: { readonly remedy: string; readonly fieldPath?: string | null },
): TriggerCondition => ({ reason, message, remedy, fieldPath })
