import { InvalidInputError, quoted } from '../../input/errors.ts'
import type { ClaimPattern } from './claim-patterns.ts'

// A preset writes the claims that identify a project of one kind of issuer by what cannot be assigned again.

/** Issuer of the tokens of GitHub Actions. */
const GITHUB = 'https://token.actions.githubusercontent.com'
/** Issuer of the tokens of GitLab CI. */
const GITLAB = 'https://gitlab.com'

/** The repositories of an owner, or one of them, in GitHub Actions. */
export interface GitHubPreset {
  readonly repositoryOwnerId: string
  /** Null for all repositories of the owner. */
  readonly repositoryId?: string | null | undefined
  readonly jobWorkflowRef?: string | null | undefined
  readonly environment?: string | null | undefined
  readonly runnerEnvironment?: string | null | undefined
}

/** A project in GitLab CI. */
export interface GitLabPreset {
  readonly projectId: string
  /** True for protected branches and tags alone. */
  readonly refProtected: boolean
}

/** A service account of a Kubernetes cluster. */
export interface KubernetesPreset {
  /** `namespace/name`. */
  readonly serviceAccount: string
  /** Null for each account that has this name, one after the other. */
  readonly serviceAccountUid?: string | null | undefined
}

/** At most one preset. */
export interface Presets {
  readonly github?: GitHubPreset | null | undefined
  readonly gitlab?: GitLabPreset | null | undefined
  readonly kubernetes?: KubernetesPreset | null | undefined
}

/** What a preset stands for. */
interface Expanded {
  /** Undefined where every cluster has its own. */
  readonly issuer: string | undefined
  readonly claims: readonly ClaimPattern[]
}

/** Returns the claims of the preset and its usual issuer; no claims without a preset. Throws InvalidInputError. */
export function expandPreset({ github, gitlab, kubernetes }: Presets): Expanded {
  const expanded = [
    ...(github ? [{ issuer: GITHUB, claims: githubClaims(github) }] : []),
    ...(gitlab ? [{ issuer: GITLAB, claims: gitlabClaims(gitlab) }] : []),
    ...(kubernetes ? [{ issuer: undefined, claims: kubernetesClaims(kubernetes) }] : []),
  ]
  if (expanded.length > 1) {
    throw new InvalidInputError('github', 'give one of "github", "gitlab" and "kubernetes"')
  }
  return expanded[0] ?? { issuer: undefined, claims: [] }
}

const githubClaims = (preset: GitHubPreset): ClaimPattern[] => [
  claim('repository_owner_id', identifier(preset.repositoryOwnerId, 'github.repositoryOwnerId')),
  ...optional('repository_id', preset.repositoryId, (id) => identifier(id, 'github.repositoryId')),
  ...optional('job_workflow_ref', preset.jobWorkflowRef),
  ...optional('environment', preset.environment),
  ...optional('runner_environment', preset.runnerEnvironment),
]

const gitlabClaims = ({ projectId, refProtected }: GitLabPreset): ClaimPattern[] => [
  claim('project_id', identifier(projectId, 'gitlab.projectId')),
  ...(refProtected ? [claim('ref_protected', 'true')] : []),
]

const SERVICE_ACCOUNT = /^([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)\/([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)$/

function kubernetesClaims({ serviceAccount, serviceAccountUid }: KubernetesPreset): ClaimPattern[] {
  const [, namespace, name] = SERVICE_ACCOUNT.exec(serviceAccount) ?? []
  if (namespace === undefined) {
    throw new InvalidInputError(
      'kubernetes.serviceAccount',
      `${quoted(serviceAccount)} is not a service account: namespace/name, like ci/builder`,
    )
  }
  return [
    claim('sub', `system:serviceaccount:${namespace}:${name}`),
    ...optional('/kubernetes.io/serviceaccount/uid', serviceAccountUid),
  ]
}

const claim = (name: string, pattern: string): ClaimPattern => ({ name, patterns: [pattern] })

const optional = (
  name: string,
  value: string | null | undefined,
  check = (given: string): string => given,
): ClaimPattern[] => (value == null ? [] : [claim(name, check(value))])

function identifier(value: string, field: string): string {
  if (!/^\d{1,20}$/.test(value)) {
    throw new InvalidInputError(field, `${quoted(value)} is not an identifier: digits, not the name`)
  }
  return value
}
