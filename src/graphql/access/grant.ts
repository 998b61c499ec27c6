import type { StoredGrant, Subject } from '../../access/grant/grant-rows.ts'
import { formatPlace, parsePlace } from '../../access/grant/place.ts'
import { ANY } from '../../access/right/rights.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { NodeInterface, nodeId, registerRowNode, rowIdOf } from '../kit/node.ts'
import { namespaceIn } from '../kit/search-filter.ts'
import { enumType, objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { RoleEnum } from './role.ts'

registerRowNode('Grant', { load: (id, { viewer, access }) => access.grants.byId(viewer, id), access: 'load' })

export const PLACE =
  'A namespace and a pattern over the names of its streams: `team/app`, `team/base-*`, `team/*`; `*/*` for all streams of all namespaces.'

const SubjectKindEnum = enumType<Subject['subjectKind']>('SubjectKind', {
  description: 'Who can have a role.',
  values: {
    USER: 'A person who has signed in.',
    GROUP: 'Every person in a group that the provider reports.',
    TOKEN: 'An access token. Its rights are never more than those of its creator.',
    RULE: 'Every workload that a federation rule admits.',
    SIGNED_IN: 'Every person who has signed in.',
    EVERYONE: 'Every client, also without a credential: public read access. The role is VIEWER or PULLER.',
  },
})

export const GrantType = builder.objectRef<StoredGrant>('Grant')
objectType(GrantType, {
  description:
    'A role of a subject at a place. Those who may give the role there see it, and the creator of a token the grants of the token.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    subjectKind: t.one(SubjectKindEnum, 'Kind of the subject.'),
    role: t.one(RoleEnum, 'Role that the subject has.'),
    createdAt: t.dateTime('Time at which it was given.'),
    createdBy: t.string('Principal who gave it, such as `user:12`; `system` for that of the first admin.'),
  }),
  fields: (t) => ({
    id: t.id({ description: 'Global identifier of the grant.', resolve: ({ id }) => nodeId('Grant', id) }),
    place: t.string({ description: PLACE, resolve: formatPlace }),
    subject: t.string({
      nullable: true,
      description:
        'Name of the person, group, token or rule; null for every person, for everyone, and for one that no longer exists.',
      resolve: (grant, _args, { access }) => access.grants.nameOf(grant),
    }),
  }),
})

const GrantConnection = connectionType('Grant', GrantType, { items: 'grants' })
const cursors = keyCursors<StoredGrant>('grants', ({ namespace, id }) => [namespace, id], [
  'string',
  'number',
])

builder.queryField('grants', (t) =>
  t.field({
    type: GrantConnection,
    description:
      'Returns the grants in the namespaces in which the viewer has the right, or in one of them, ordered by namespace and age; a namespace has at most 2,000. Grants of access tokens are fields of the tokens too.',
    access: 'grant',
    example: `
      # Who may do what.
      query Grants {
        grants(first: 10) { nodes { subjectKind subject role place createdBy } }
      }
    `,
    complexity: pageComplexity,
    args: {
      namespace: t.arg.string({
        description:
          'Returns only grants at places of this namespace; `*` for those at places of all namespaces. If omitted, those of all namespaces.',
      }),
      ...connectionArgs,
    },
    resolve: (_query, { namespace, ...args }, { viewer, access }, info) => {
      const wanted = namespace === ANY ? ANY : namespaceIn(namespace)
      return connection(args, info, {
        cursors,
        rows: (page) => access.grants.page(viewer, wanted, page),
        totalCount: () => access.grants.count(viewer, wanted),
      })
    },
  }),
)

const GrantRoleInput = inputType('GrantRoleInput', {
  description: 'A role to give.',
  fields: (t) => ({
    subjectKind: t.requiredOne(SubjectKindEnum, 'Kind of the subject.'),
    subject: t.string(
      'User name, address of mail that the provider has verified, or principal (`user:12`) of the person; name of the group; principal of an own token (`token:7`); name or principal of a rule that you may change. Left out for SIGNED_IN and EVERYONE.',
    ),
    role: t.requiredOne(RoleEnum, 'The role: never with more rights than your own at the place.'),
    place: t.requiredString(PLACE),
  }),
})

mutation('grantRole', {
  description:
    'Gives a role at a place. It takes effect within a second, also for running subscriptions. You need the right `grant` there, and every right of the role. An equal grant stays as it is.',
  access: 'person',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # Everyone may pull from one stream, also without a credential.
    mutation GrantRole {
      grantRole(input: { subjectKind: EVERYONE, role: PULLER, place: "default/ruby" }) {
        grant { id subjectKind role place }
      }
    }
  `,
  input: GrantRoleInput,
  inputDescription: 'The role, its place and who gets it.',
  payload: objectType<{ grant: StoredGrant }>('GrantRolePayload', {
    description: 'The grant that exists now.',
    properties: (t) => ({ grant: t.one(GrantType, 'The grant, which may have existed before.') }),
  }),
  resolve: ({ subjectKind, subject, role, place }, { viewer, access }) => ({
    grant: access.grants.grant(
      viewer,
      { subjectKind, name: subject ?? null },
      { role, ...parsePlace(place, 'place') },
    ),
  }),
})

mutation('revokeGrant', {
  description:
    'Takes a role away. It takes effect within a second, also for open connections and running subscriptions. You need the right `grant` at its place.',
  access: 'person',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # Takes a role away; the id is from the query grants.
    mutation RevokeGrant($grant: ID!) {
      revokeGrant(input: { id: $grant }) { deletedId grant { role place } }
    }
  `,
  input: inputType('RevokeGrantInput', {
    description: 'The grant to take away.',
    fields: (t) => ({ id: t.requiredId('Global `id` of the grant.') }),
  }),
  inputDescription: 'The grant to take away.',
  payload: objectType<{ grant: StoredGrant }>('RevokeGrantPayload', {
    description: 'The removed grant.',
    properties: (t) => ({ grant: t.one(GrantType, 'The grant as it was.') }),
    fields: (t) => ({
      deletedId: t.id({
        description: 'Global `id` of the grant, which `node(id:)` no longer finds.',
        resolve: ({ grant }) => nodeId('Grant', grant.id),
      }),
    }),
  }),
  resolve: ({ id }, { viewer, access }) => ({
    grant: access.grants.revoke(viewer, rowIdOf('Grant', id) ?? 0),
  }),
})
