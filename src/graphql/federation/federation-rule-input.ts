import { type GrantedAt, type GrantedRole, parsePlace } from '../../access/grant/place.ts'
import { PLACE } from '../access/grant.ts'
import { RoleEnum } from '../access/role.ts'
import { inputType } from '../kit/inputs.ts'

const FederationClaimInput = inputType('FederationClaimInput', {
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

const FederationGrantInput = inputType('FederationGrantInput', {
  description:
    'A role for the machines that a rule admits. Its author needs the rights of the role, and `grant`, in that place.',
  fields: (t) => ({
    role: t.requiredOne(RoleEnum, 'The role; not SERVER_ADMIN.'),
    place: t.requiredString(PLACE),
  }),
})

const GitHubFederationInput = inputType('GitHubFederationInput', {
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

const GitLabFederationInput = inputType('GitLabFederationInput', {
  description: 'A project in GitLab CI.',
  fields: (t) => ({
    projectId: t.requiredString('Number of the project: claim `project_id`.'),
    refProtected: t.boolean('Whether only jobs of protected branches and tags match; the default is true.'),
  }),
})

const KubernetesFederationInput = inputType('KubernetesFederationInput', {
  description:
    'A service account of a Kubernetes cluster. `issuer` is required beside it: the `--service-account-issuer` of the cluster.',
  fields: (t) => ({
    serviceAccount: t.requiredString('Namespace and name of the service account, such as `ci/builder`.'),
    serviceAccountUid: t.string(
      'UID of the service account, which another account with its name does not have.',
    ),
  }),
})

export const CreateFederationRuleInput = inputType('CreateFederationRuleInput', {
  description:
    'A federation rule. At most one of `github`, `gitlab` and `kubernetes` writes its claims; `claims` adds others. A rule has at least one claim.',
  fields: (t) => ({
    name: t.requiredString(
      'Name of the rule; no other rule that you may change has it. 1 to 255 characters.',
    ),
    audience: t.requiredString(
      'Audience that the tokens are issued for, such as the URL of this server. A token for another audience is never accepted.',
    ),
    issuer: t.string(
      'URL of the issuer, as its tokens have it in the claim `iss`. If omitted, it is that of github.com or gitlab.com for `github` and `gitlab`.',
    ),
    github: t.one(GitHubFederationInput, 'Claims of GitHub Actions.'),
    gitlab: t.one(GitLabFederationInput, 'Claims of GitLab CI.'),
    kubernetes: t.one(KubernetesFederationInput, 'Claims of a Kubernetes service account.'),
    claims: t.list(
      FederationClaimInput,
      'Further claims that a token must have; all must match. At most 32.',
    ),
    grants: t.requiredList(FederationGrantInput, 'Roles of the machines that the rule admits: 1 to 50.'),
    maxLifetimeSeconds: t.int({
      description:
        'Number of seconds for which a token is accepted after its time of issue, 60 to 86400; the default is 3600.',
    }),
    allowPullRequests: t.flag(
      'Whether tokens of pull requests and merge requests are accepted, whose code anyone may have written; the default is false.',
    ),
    keysUrl: t.string(
      'URL of the public keys of the issuer, where its discovery document cannot be reached by the URL in `iss`.',
    ),
    certificateAuthority: t.string(
      'Certificates in PEM that are trusted for requests to the issuer, in addition to those of the server.',
    ),
  }),
})

export const UpdateFederationRuleInput = inputType('UpdateFederationRuleInput', {
  description: 'Changes of a federation rule; what is omitted stays as it is. Its issuer cannot be changed.',
  fields: (t) => ({
    id: t.requiredId('Global `id` of the rule.'),
    name: t.string('Name of the rule; no other rule that you may change has it. 1 to 255 characters.'),
    audience: t.string('Audience that the tokens are issued for.'),
    claims: t.list(
      FederationClaimInput,
      'Claims that a token must have, in place of all present ones: 1 to 32.',
    ),
    grants: t.list(FederationGrantInput, 'Roles, in place of all present ones: 1 to 50.'),
    maxLifetimeSeconds: t.int({
      description: 'Number of seconds for which a token is accepted after its time of issue, 60 to 86400.',
    }),
    allowPullRequests: t.boolean('Whether tokens of pull requests and merge requests are accepted.'),
    keysUrl: t.string('URL of the public keys of the issuer; empty for that of its discovery document.'),
    certificateAuthority: t.string('Certificates in PEM for requests to the issuer; empty for none.'),
  }),
})

interface NamedGrant {
  readonly role: GrantedRole
  readonly place: string
}

/** Returns the roles at the places that the input names. Throws InvalidInputError. */
export const grantsIn = (grants: readonly NamedGrant[]): GrantedAt[] =>
  grants.map(({ role, place }, at) => ({ role, ...parsePlace(place, `grants.${at}.place`) }))
