import type { Workload } from '../../kubernetes/observe/workload.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { rowIdOf } from '../kit/node.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { WorkloadType } from './references.ts'

const ResumeWorkloadInput = inputType('ResumeWorkloadInput', {
  description: 'A workload whose images are set again.',
  fields: (t) => ({ id: t.requiredId('Global `id` of the workload.') }),
})

const ResumeWorkloadPayload = objectType<{ workload: Workload }>('ResumeWorkloadPayload', {
  description: 'The workload, which is compared with its tags now.',
  properties: (t) => ({ workload: t.one(WorkloadType, 'The workload in its state before.') }),
})

mutation('resumeWorkload', {
  description:
    'Sets the images of a contested workload again, whose conditions have the reason `CONTESTED`: another field manager had replaced them three times within an hour. The right is required in the image streams that the workload follows. `NOT_FOUND` for a workload without triggers.',
  access: 'configure',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # Once Argo CD no longer sets the image.
    mutation ResumeWorkload($workload: ID!) {
      resumeWorkload(input: { id: $workload }) { workload { namespace kind name isContested } }
    }
  `,
  input: ResumeWorkloadInput,
  inputDescription: 'The workload.',
  payload: ResumeWorkloadPayload,
  resolve: ({ id }, { viewer, kubernetes }) => ({
    workload: kubernetes.resumeWorkload(viewer, rowIdOf('Workload', id) ?? 0),
  }),
})
