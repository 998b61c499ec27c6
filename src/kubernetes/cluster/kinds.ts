import { BUILD_CONFIGS, WORKLOAD_KINDS } from '../workload/kinds.ts'

/** Where the objects of a kind are in the API, and what this server does with them. */
export interface ObservedKind {
  readonly kind: string
  readonly apiVersion: string
  readonly resource: string
  /** Whether its triggers are an annotation, so that lists with metadata alone find them. */
  readonly isAnnotated: boolean
  /** Verbs that are needed besides `get`, `list` and `watch`. */
  readonly verbs: readonly string[]
}

/** The kinds whose objects may have triggers. Clusters without OpenShift lack the last two. */
export const OBSERVED_KINDS: readonly ObservedKind[] = [
  ...[...WORKLOAD_KINDS.values()]
    .filter(({ isMutable }) => isMutable)
    .map(({ kind, apiVersion, resource }) => ({
      kind,
      apiVersion,
      resource,
      isAnnotated: kind !== 'DeploymentConfig',
      verbs: ['patch'],
    })),
  { kind: 'BuildConfig', ...BUILD_CONFIGS, isAnnotated: false, verbs: [] },
]
