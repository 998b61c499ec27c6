import { enumType } from '../kit/types.ts'

export const WorkloadConditionStatusEnum = enumType('WorkloadConditionStatus', {
  description: 'Status of a condition of a cluster or a workload.',
  values: { MET: 'The condition holds.', NOT_MET: 'The condition does not hold.' },
})

/** The field of a condition that has the time of its last transition. */
export const lastTransition = {
  type: 'DateTime' as const,
  description: 'Time at which the status last changed.',
}
