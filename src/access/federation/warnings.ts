import { isGlob } from '../../input/glob.ts'
import { isNamePattern, pinsIds } from './github-subject.ts'
import type { TokenRequirements } from './rule.ts'

/**
 * Claims that identify no principal: names, which can be given up and then taken by someone else, and properties that tokens of many
 * projects have.
 */
const NO_IDENTIFIERS: ReadonlySet<string> = new Set([
  // all issuers
  'sub',
  'name',
  'email',
  'preferred_username',
  'groups',
  // GitHub Actions
  'repository',
  'repository_owner',
  'repository_visibility',
  'workflow',
  'workflow_ref',
  'job_workflow_ref',
  'actor',
  'environment',
  'ref',
  'ref_type',
  'base_ref',
  'head_ref',
  'event_name',
  'runner_environment',
  // GitLab CI
  'project_path',
  'namespace_path',
  'project_visibility',
  'user_login',
  'user_email',
  'ref_path',
  'ref_protected',
  'pipeline_source',
  'environment_protected',
  'deployment_tier',
  // Kubernetes
  '/kubernetes.io/namespace',
  '/kubernetes.io/serviceaccount/name',
])

/** Subjects that are no names: numbers, UUIDs, and service accounts, whose names only admins of the cluster assign. */
const STABLE_SUBJECT =
  /^(?:\d+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|system:serviceaccount:[^:*]+:[^:*]+)$/i

/** Returns what may admit others than its author intends; empty for nothing. */
export function warningsOf({ claims, allowsPullRequests }: TokenRequirements): string[] {
  const warnings: string[] = []
  if (!Object.entries(claims).some(([name, patterns]) => patterns.every((one) => isStable(name, one)))) {
    warnings.push(
      'the rule rests on names alone, which someone else can take after a rename or a deletion: pin an identifier, ' +
        'like repository_id and repository_owner_id for GitHub, project_id for GitLab',
    )
  }
  if (claims.sub?.some(isNamePattern)) {
    warnings.push(
      'GitHub adds identifiers to sub (repo:octocat@123456/app@456789:…), and this pattern does not match such tokens: ' +
        'pin repository_id and repository_owner_id instead',
    )
  }
  if (allowsPullRequests) {
    warnings.push('the rule admits pull requests, whose code anyone may have written')
  }
  return warnings
}

function isStable(name: string, pattern: string): boolean {
  if (name === 'sub') return STABLE_SUBJECT.test(pattern) || pinsIds(pattern)
  return !NO_IDENTIFIERS.has(name) && !isGlob(pattern)
}
