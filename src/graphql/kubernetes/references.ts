import type { Cluster } from '../../kubernetes/cluster/cluster.ts'
import type { Workload } from '../../kubernetes/observe/workload.ts'
import { builder } from '../kit/builder.ts'

// References to the types of this folder that several of its files use.

export const ClusterType = builder.objectRef<Cluster>('Cluster')
export const WorkloadType = builder.objectRef<Workload>('Workload')
