import { principalId } from '../../access/identity/principal.ts'
import { groupsOf, type User } from '../../access/identity/users.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { NodeInterface, nodeId, registerRowNode, rowIdOf } from '../kit/node.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'

registerRowNode('User', { load: (id, { viewer, access }) => access.users.byId(viewer, id), access: 'load' })

export const UserType = builder.objectRef<User>('User')
objectType(UserType, {
  description: 'A person who has signed in. Only server admins see other people.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    name: t.string('User name or address of mail, as the provider reported it at the last sign-in.'),
    email: t.stringOrNull('Address of mail, as the provider reported it; null if it did not.'),
    issuer: t.string(
      'URL of the OpenID provider that knows the person; `local` for the admin who used the link that the server printed.',
    ),
    createdAt: t.dateTime('Time of the first sign-in.'),
    lastSignInAt: t.dateTime('Time of the last sign-in.'),
    suspendedAt: t.dateTimeOrNull(
      'Time at which a server admin suspended the person; null for a person who may sign in.',
    ),
  }),
  fields: (t) => ({
    id: t.id({ description: 'Global identifier of the person.', resolve: ({ id }) => nodeId('User', id) }),
    principal: t.string({
      description:
        'Identifier in grants and in the audit log, which stays the same when the name changes: `user:12`.',
      resolve: ({ id }) => principalId('user', id),
    }),
    groups: t.stringList({
      description:
        'Names of the groups at the last sign-in, which can have grants; bounded by what the provider reported in one token.',
      resolve: (user) => [...groupsOf(user)],
    }),
  }),
})

const UserConnection = connectionType('User', UserType, { items: 'people' })
const cursors = keyCursors<User>('users', ({ id }) => [id])

builder.queryField('users', (t) =>
  t.field({
    type: UserConnection,
    description: 'Returns the people who have signed in, in the order of their first sign-in.',
    access: 'server-admin',
    example: `
      # The people who have signed in.
      query Users {
        users(first: 10) { nodes { principal name groups lastSignInAt suspendedAt } }
      }
    `,
    complexity: pageComplexity,
    args: connectionArgs,
    resolve: (_query, args, { viewer, access }, info) =>
      connection(args, info, {
        cursors,
        rows: (page) => access.users.page(viewer, page),
        totalCount: () => access.users.count(viewer),
      }),
  }),
)

const userPayload = (name: string) =>
  objectType<{ user: User }>(name, {
    description: 'The changed person.',
    properties: (t) => ({ user: t.one(UserType, 'The person.') }),
  })
const userInput = (name: string, verb: string) =>
  inputType(name, {
    description: `The person to ${verb}.`,
    fields: (t) => ({ id: t.requiredId('Global `id` of the person.') }),
  })

mutation('suspendUser', {
  description:
    'Suspends a person: their sessions, their access tokens and the connections over which they are used end within a second. Nothing is deleted. Requires a server admin who has signed in.',
  access: 'person',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # Ends all access of a person.
    mutation SuspendUser($user: ID!) {
      suspendUser(input: { id: $user }) { user { name suspendedAt } }
    }
  `,
  input: userInput('SuspendUserInput', 'suspend'),
  inputDescription: 'The person to suspend.',
  payload: userPayload('SuspendUserPayload'),
  resolve: ({ id }, { viewer, access }) => ({ user: access.users.suspend(viewer, rowIdOf('User', id) ?? 0) }),
})

mutation('resumeUser', {
  description:
    'Ends the suspension of a person, whose sessions and access tokens are valid again. Requires a server admin who has signed in.',
  access: 'person',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # Lets a suspended person sign in again.
    mutation ResumeUser($user: ID!) {
      resumeUser(input: { id: $user }) { user { name suspendedAt } }
    }
  `,
  input: userInput('ResumeUserInput', 'let in again'),
  inputDescription: 'The person to let in again.',
  payload: userPayload('ResumeUserPayload'),
  resolve: ({ id }, { viewer, access }) => ({ user: access.users.resume(viewer, rowIdOf('User', id) ?? 0) }),
})
