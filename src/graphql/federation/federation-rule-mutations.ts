import type { FederationRule } from '../../access/federation/rule.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { rowIdOf } from '../kit/node.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { FederationRuleType, federationRuleId } from './federation-rule.ts'
import { CreateFederationRuleInput, grantsIn, UpdateFederationRuleInput } from './federation-rule-input.ts'

interface ChangedRule {
  readonly federationRule: FederationRule
}

const payloadType = (name: string, description: string) =>
  objectType<ChangedRule>(name, {
    description,
    properties: (t) => ({ federationRule: t.one(FederationRuleType, 'The rule after the mutation.') }),
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
