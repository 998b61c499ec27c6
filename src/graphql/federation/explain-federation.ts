import type { RuleVerdict } from '../../access/federation/federation.ts'
import type { Refusal } from '../../access/federation/refusals.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { listConnection } from '../kit/list-page.ts'
import { enumType, objectType } from '../kit/types.ts'
import { FederationRuleType } from './federation-rule.ts'

const FederationRefusalReasonEnum = enumType('FederationRefusalReason', {
  description: 'Why a federation rule does not accept a token.',
  values: {
    DISABLED: 'The rule is disabled.',
    ISSUER: 'The token is from another issuer.',
    ISSUER_UNAVAILABLE:
      'The public keys of the issuer cannot be fetched, so that the signature cannot be verified.',
    SIGNATURE: 'The signature is not one of the issuer.',
    AUDIENCE: 'The token is for another audience.',
    CLAIM: 'A claim is missing or does not match.',
    PULL_REQUEST: 'The token belongs to a pull request or merge request, which the rule does not allow.',
    EXPIRED: 'The token has expired, or never expires.',
    NOT_YET_VALID: 'The token is valid only later: the clocks may differ.',
    LIFETIME: 'The token was issued longer ago than the rule allows.',
  },
})

const FederationRefusalType = objectType<Refusal>('FederationRefusal', {
  description: 'One thing that a token lacks for a federation rule to accept it.',
  properties: (t) => ({
    reason: t.one(FederationRefusalReasonEnum, 'Why the rule does not accept the token.'),
    claim: t.stringOrNull('Name of the claim that decides; null where none does.'),
    message: t.string('Explanation for people, with the values of the claim; never with the token.'),
  }),
})

const FederationVerdictType = objectType<RuleVerdict>('FederationVerdict', {
  description: 'What one federation rule says about a token.',
  properties: (t) => ({
    rule: t.one(FederationRuleType, 'The rule that the verdict is of.'),
    refusals: t.list(
      FederationRefusalType,
      'Everything that the token lacks; empty if the rule accepts it. At most one for each claim, and six others.',
    ),
  }),
  fields: (t) => ({
    isAccepted: t.boolean({
      description: 'Whether the rule accepts the token. The oldest rule that does admits the machine.',
      resolve: ({ refusals }) => refusals.length === 0,
    }),
  }),
})

const FederationVerdictConnection = connectionType('FederationVerdict', FederationVerdictType, {
  items: 'verdicts of federation rules',
})

const keyOf = ({ rule }: RuleVerdict): [number] => [rule.id]
const cursors = keyCursors<RuleVerdict>('explainFederation', keyOf)

builder.queryField('explainFederation', (t) =>
  t.field({
    type: FederationVerdictConnection,
    description:
      'Returns what each federation rule that the viewer may change says about a token, the oldest rule first: which accepts it, and what it lacks for the others, claim by claim. The token is neither stored nor returned. `INVALID` for a text that is no JSON Web Token of an issuer.',
    access: 'person',
    example: `
      # A token of GitHub Actions; pass it as a variable.
      query ExplainFederation {
        explainFederation(token: "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2NpLmV4YW1wbGUub3JnIn0.AAAA") {
          nodes { rule { name } isAccepted refusals { reason claim message } }
        }
      }
    `,
    // the keys of the issuer may be fetched
    complexity: (args) => ({ ...pageComplexity(args), field: 100 }),
    args: {
      token: t.arg.string({
        required: true,
        description:
          'The token, as the issuer has written it: three parts with dots between them. At most 16384 characters.',
      }),
      ...connectionArgs,
    },
    resolve: async (_query, { token, ...args }, { federation, viewer }, info) =>
      listConnection(args, info, {
        cursors,
        items: await federation.explain(viewer, token.trim()),
        keyOf,
      }),
  }),
)
