import type { FederationRule } from '../../access/federation/rule.ts'
import { warningsOf } from '../../access/federation/warnings.ts'
import { GrantType } from '../access/grant.ts'
import { builder } from '../kit/builder.ts'
import { keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { listConnection } from '../kit/list-page.ts'
import { NodeInterface, nodeId, registerRowNode } from '../kit/node.ts'
import { objectType } from '../kit/types.ts'

registerRowNode('FederationRule', {
  load: (id, { federation, viewer }) => federation.rules.byId(viewer, id),
  access: 'load',
})

/** Returns the global id of a rule. */
export const federationRuleId = ({ id }: Pick<FederationRule, 'id'>): string => nodeId('FederationRule', id)

interface NamedPatterns {
  readonly name: string
  readonly patterns: readonly string[]
}

const FederationClaimType = objectType<NamedPatterns>('FederationClaim', {
  description: 'A claim that a token must have for a federation rule to accept it.',
  properties: (t) => ({
    name: t.string(
      'Name of the claim, such as `repository_id`. A name that begins with `/` is a JSON pointer to a claim inside of others: `/kubernetes.io/serviceaccount/uid`.',
    ),
    patterns: t.strings(
      'Patterns, of which one must match a value of the claim; `*` stands for any characters. At most 32.',
    ),
  }),
})

export const FederationRuleType = builder.objectRef<FederationRule>('FederationRule')
objectType(FederationRuleType, {
  description:
    'A rule that admits machines by tokens of another OpenID issuer, such as GitHub Actions, GitLab CI or a Kubernetes cluster, without a stored secret. If several rules accept a token, the oldest one admits the machine.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    name: t.string('Name of the rule, unique on the server.'),
    issuer: t.string('URL of the issuer, as its tokens have it in the claim `iss`.'),
    audience: t.string('Audience that a token must have in the claim `aud`.'),
    createdAt: t.dateTime('Time at which the rule was created.'),
    disabledAt: t.dateTimeOrNull('Time at which the rule was disabled. Null for a rule that is in force.'),
    lastUsedAt: t.dateTimeOrNull(
      'Time at which the rule last admitted a machine, to within a minute. Null if it never did.',
    ),
  }),
  fields: (t) => ({
    id: t.id({ description: 'Global identifier of the rule.', resolve: federationRuleId }),
    claims: t.field({
      type: [FederationClaimType],
      description: 'Claims that a token must have, at most 32. All must match.',
      resolve: ({ claims }) => Object.entries(claims).map(([name, patterns]) => ({ name, patterns })),
    }),
    grants: t.field({
      type: [GrantType],
      description:
        'Roles of the machines that the rule admits, at most 50 that it was created with. The right `grant` has no effect for machines.',
      complexity: 10,
      resolve: (rule, _args, { federation }) => federation.rules.grantsOf(rule),
    }),
    maxLifetimeSeconds: t.exposeInt('maxLifetime', {
      description: 'Number of seconds for which a token is accepted after its time of issue (`iat`).',
    }),
    allowPullRequests: t.exposeBoolean('allowsPullRequests', {
      description:
        'Whether tokens of pull requests and merge requests are accepted, whose code anyone may have written.',
    }),
    keysUrl: t.string({
      nullable: true,
      description:
        'URL of the public keys of the issuer. Null for the URL that the discovery document of the issuer names.',
      resolve: ({ settings }) => settings.keysUrl,
    }),
    certificateAuthority: t.string({
      nullable: true,
      description:
        'Certificates in PEM that are trusted for requests to the issuer, in addition to those of the server. Null for none.',
      resolve: ({ settings }) => settings.ca,
    }),
    createdBy: t.exposeString('createdBy', {
      description: 'Principal that created the rule, such as `user:12`.',
    }),
    warnings: t.stringList({
      description:
        'Explanations, for people, of what may admit other machines than intended: a rule that rests on names alone, which someone else can take, or that allows pull requests. At most three; empty for none.',
      resolve: warningsOf,
    }),
  }),
})

const FederationRuleConnection = connectionType('FederationRule', FederationRuleType, {
  items: 'federation rules',
})

const cursors = keyCursors<FederationRule>('federationRules', ({ id }) => [id])

builder.queryField('federationRules', (t) =>
  t.field({
    type: FederationRuleConnection,
    description:
      'Returns the federation rules that the viewer may change, the oldest first: those whose roles the viewer may give in all their places. A server has at most 1000.',
    access: 'person',
    example: `
      query FederationRules {
        federationRules(first: 10) { nodes { name issuer claims { name patterns } grants { role place } warnings } }
      }
    `,
    complexity: pageComplexity,
    args: connectionArgs,
    resolve: (_query, args, { federation, viewer }, info) =>
      listConnection(args, info, {
        cursors,
        items: federation.rules.visible(viewer),
        keyOf: ({ id }) => [id],
      }),
  }),
)
