import type { FederationRule } from '../../access/federation/rule.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { rowIdOf } from '../kit/node.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { FederationRuleType, federationRuleId } from './federation-rule.ts'
import {
  FederationClaimInput,
  FederationGrantInput,
  GitHubFederationInput,
  GitLabFederationInput,
  grantsIn,
  KubernetesFederationInput,
} from './federation-rule-input.ts'

interface ChangedRule {
  readonly federationRule: FederationRule
}

const payloadType = (name: string, description: string) =>
  objectType<ChangedRule>(name, {
    description,
    properties: (t) => ({ federationRule: t.one(FederationRuleType, 'The rule after the mutation.') }),
  })

const CreateFederationRuleInput = inputType('CreateFederationRuleInput', {
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

mutation('createFederationRule', {
  description:
    'Creates a rule that admits machines by tokens of another OpenID issuer. The registry’s token endpoint exchanges such a token for one of its own. You need the right `grant`, and every right of its roles, in their places.',
  access: 'person',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # GitHub Actions of one repository pushes to team/app.
    mutation CreateFederationRule {
      createFederationRule(
        input: {
          name: "app on GitHub"
          audience: "https://streams.example.org"
          github: { repositoryOwnerId: "583231", repositoryId: "1296269" }
          grants: [{ role: BUILDER, place: "team/app" }]
        }
      ) { federationRule { id issuer claims { name patterns } warnings } }
    }
  `,
  input: CreateFederationRuleInput,
  inputDescription: 'The rule to create.',
  payload: payloadType('CreateFederationRulePayload', 'The created federation rule.'),
  resolve: ({ grants, gitlab, ...input }, { federation, viewer }) => ({
    federationRule: federation.rules.create(viewer, {
      ...input,
      gitlab: gitlab && { ...gitlab, refProtected: gitlab.refProtected ?? true },
      grants: grantsIn(grants),
      maxLifetime: input.maxLifetimeSeconds,
      allowsPullRequests: input.allowPullRequests,
      ca: input.certificateAuthority,
    }),
  }),
})

const UpdateFederationRuleInput = inputType('UpdateFederationRuleInput', {
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

mutation('updateFederationRule', {
  description:
    'Changes a federation rule. If it accepts other tokens then, what was issued to machines that it admitted ends at once: they present their tokens again.',
  access: 'person',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    mutation UpdateFederationRule($rule: ID!) {
      updateFederationRule(
        input: { id: $rule, claims: [{ name: "repository_id", patterns: ["1296269"] }] }
      ) { federationRule { name warnings } }
    }
  `,
  input: UpdateFederationRuleInput,
  inputDescription: 'The changes.',
  payload: payloadType('UpdateFederationRulePayload', 'The changed federation rule.'),
  resolve: ({ id, grants, ...input }, { federation, viewer }) => ({
    federationRule: federation.rules.update(viewer, ruleNumber(id), {
      ...input,
      ...(grants && { grants: grantsIn(grants) }),
      maxLifetime: input.maxLifetimeSeconds,
      allowsPullRequests: input.allowPullRequests,
      ca: input.certificateAuthority,
    }),
  }),
})

const SetFederationRuleDisabledInput = inputType('SetFederationRuleDisabledInput', {
  description: 'A federation rule to disable, or to enable again.',
  fields: (t) => ({
    id: t.requiredId('Global `id` of the rule.'),
    disabled: t.boolean('Whether the rule is disabled; the default is true.'),
  }),
})

mutation('setFederationRuleDisabled', {
  description:
    'Disables a federation rule, or enables it again. The machines that it admitted lose their rights at once; the rule and its roles are kept.',
  access: 'person',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    mutation SetFederationRuleDisabled($rule: ID!) {
      setFederationRuleDisabled(input: { id: $rule }) { federationRule { name disabledAt } }
    }
  `,
  input: SetFederationRuleDisabledInput,
  inputDescription: 'The rule to disable or enable.',
  payload: payloadType('SetFederationRuleDisabledPayload', 'The disabled or enabled federation rule.'),
  resolve: ({ id, disabled }, { federation, viewer }) => ({
    federationRule: federation.rules.setDisabled(viewer, ruleNumber(id), disabled ?? true),
  }),
})

const DeleteFederationRuleInput = inputType('DeleteFederationRuleInput', {
  description: 'A federation rule to delete.',
  fields: (t) => ({ id: t.requiredId('Global `id` of the rule.') }),
})

const DeleteFederationRulePayload = objectType<ChangedRule>('DeleteFederationRulePayload', {
  description: 'The deleted federation rule.',
  properties: (t) => ({
    federationRule: t.one(
      FederationRuleType,
      'The rule in its state before the deletion, without its roles.',
    ),
  }),
  fields: (t) => ({
    deletedId: t.id({
      description: 'Global `id` of the deleted rule.',
      resolve: ({ federationRule }) => federationRuleId(federationRule),
    }),
  }),
})

mutation('deleteFederationRule', {
  description:
    'Deletes a federation rule with its roles. The machines that it admitted lose their rights at once.',
  access: 'person',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    mutation DeleteFederationRule($rule: ID!) {
      deleteFederationRule(input: { id: $rule }) { deletedId }
    }
  `,
  input: DeleteFederationRuleInput,
  inputDescription: 'The rule to delete.',
  payload: DeleteFederationRulePayload,
  resolve: ({ id }, { federation, viewer }) => ({
    federationRule: federation.rules.delete(viewer, ruleNumber(id)),
  }),
})

/** Returns the number in the id of a rule; 0, which no rule has, for another id. */
const ruleNumber = (id: string): number => rowIdOf('FederationRule', id) ?? 0
