import type { TagCondition } from '../../imagestream/tag/tag-event.ts'
import { FailureReasonEnum } from '../kit/failure-reason.ts'
import { enumType, objectType } from '../kit/types.ts'

const ConditionTypeEnum = enumType('ConditionType', {
  description: 'What a condition is about.',
  values: {
    ImportSuccess:
      'Whether the last import succeeded. `NOT_MET` of a tag: the import of the tag failed. `NOT_MET` of an image stream: the import could not read `spec.dockerImageRepository`, or none of its tags; `imageStreams(failing:)` finds such streams.',
    PolicyChoice:
      'Whether the tag points to the first choice of its policy over a repository. `NOT_MET`: the policy passed over tags that rank higher, or may do so, because their images cannot be used, and chose the next best. Only tags have it.',
    VendorListing:
      'Whether the listing of the registry’s vendor can be used. `NOT_MET`: it failed, and imports run full scans. Only image streams have it.',
  },
})

const ConditionStatusEnum = enumType('ConditionStatus', {
  description: 'Status of a condition.',
  values: {
    True: 'The condition holds.',
    False: 'The condition does not hold.',
    Unknown: 'The server cannot determine whether the condition holds.',
  },
  names: { True: 'MET', False: 'NOT_MET' },
})

/** A condition of an image stream or of a tag. */
export const ConditionType = objectType<Omit<TagCondition, 'tagId'>>('Condition', {
  description: 'A condition of an image stream or of a tag, which is present while something fails.',
  properties: (t) => ({
    type: t.one(ConditionTypeEnum, 'What the condition is about.'),
    status: t.one(ConditionStatusEnum, 'Status of the condition.'),
    reason: t.one(FailureReasonEnum, 'Why the condition has its status.'),
    message: t.string(
      'Explanation for people, with the registry and the repository, or the vendor and its listing, and the cause of the failure.',
    ),
    lastTransitionTime: t.dateTime('Time at which the status last changed.'),
    generation: t.int('Generation of the spec that the condition applies to.'),
  }),
})
