import { type GrantedAt, type GrantedRole, parsePlace } from '../../access/grant/place.ts'
import { PLACE } from '../access/grant.ts'
import { RoleEnum } from '../access/role.ts'
import { inputType } from '../kit/inputs.ts'

export const FederationClaimInput = inputType('FederationClaimInput', {
  description: 'A claim that a token must have.',
  fields: (t) => ({
    name: t.requiredString(
      'Name of the claim. A name that begins with `/` is a JSON pointer to a claim inside of others: `/kubernetes.io/serviceaccount/uid`.',
    ),
    patterns: t.requiredStrings(
      'Patterns, 1 to 32, of which one must match a value of the claim; `*` stands for any characters.',
    ),
  }),
})

export const FederationGrantInput = inputType('FederationGrantInput', {
  description:
    'A role for the machines that a rule admits. Its author needs the rights of the role, and `grant`, in that place.',
  fields: (t) => ({
    role: t.requiredOne(RoleEnum, 'The role; not SERVER_ADMIN.'),
    place: t.requiredString(PLACE),
  }),
})

export const GitHubFederationInput = inputType('GitHubFederationInput', {
  description:
    'A repository, or all repositories of an owner, in GitHub Actions. Numbers identify them, which are never assigned again: `gh api repos/OWNER/REPOSITORY --jq ".id, .owner.id"` prints both.',
  fields: (t) => ({
    repositoryOwnerId: t.requiredString('Number of the user or organization: claim `repository_owner_id`.'),
    repositoryId: t.string(
      'Number of the repository: claim `repository_id`. If omitted, all repositories of the owner match.',
    ),
    jobWorkflowRef: t.string(
      'Pattern of the reusable workflow and its ref, such as `team/workflows/.github/workflows/build.yml@refs/heads/main`: claim `job_workflow_ref`.',
    ),
    environment: t.string('Pattern of the deployment environment, such as `production`.'),
    runnerEnvironment: t.string('`github-hosted` or `self-hosted`: claim `runner_environment`.'),
  }),
})

export const GitLabFederationInput = inputType('GitLabFederationInput', {
  description: 'A project in GitLab CI.',
  fields: (t) => ({
    projectId: t.requiredString('Number of the project: claim `project_id`.'),
    refProtected: t.boolean('Whether only jobs of protected branches and tags match; the default is true.'),
  }),
})

export const KubernetesFederationInput = inputType('KubernetesFederationInput', {
  description:
    'A service account of a Kubernetes cluster. `issuer` is required beside it: the `--service-account-issuer` of the cluster.',
  fields: (t) => ({
    serviceAccount: t.requiredString('Namespace and name of the service account, such as `ci/builder`.'),
    serviceAccountUid: t.string(
      'UID of the service account, which another account with its name does not have.',
    ),
  }),
})

interface NamedGrant {
  readonly role: GrantedRole
  readonly place: string
}

/** Returns the roles at the places that the input names. Throws InvalidInputError. */
export const grantsIn = (grants: readonly NamedGrant[]): GrantedAt[] =>
  grants.map(({ role, place }, at) => ({ role, ...parsePlace(place, `grants.${at}.place`) }))
