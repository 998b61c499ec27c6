import { principalId } from '../../access/identity/principal.ts'
import type { UserSession } from '../../access/identity/sessions.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { NodeInterface, nodeId, registerRowNode, rowIdOf } from '../kit/node.ts'
import { enumType, objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'

registerRowNode('Session', {
  load: (id, { viewer, access }) => access.sessions.byId(viewer, id),
  access: 'load',
})

const SessionKindEnum = enumType<UserSession['kind']>('SessionKind', {
  description: 'Where a person signed in.',
  values: {
    BROWSER: 'In a browser, which keeps the session in a cookie.',
    COMMAND_LINE: 'At a command line.',
  },
})

const SessionType = builder.objectRef<UserSession>('Session')
objectType(SessionType, {
  description: 'A session of a person who has signed in. People see their own, server admins all.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    kind: t.one(SessionKindEnum, 'Where the person signed in.'),
    createdAt: t.dateTime('Time of the sign-in.'),
    expiresAt: t.dateTime('Time at which the session ends, 30 days after the sign-in.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the session.',
      resolve: ({ id }) => nodeId('Session', id),
    }),
    principal: t.string({
      description: 'The person: `user:12`.',
      resolve: ({ userId }) => principalId('user', userId),
    }),
    lastUsedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Time of the last use; null for a session that was never used. A crash of the server may lose the last minute of use.',
      resolve: (session, _args, { access }) =>
        access.uses.unwrittenOf('SESSION', session.id)?.at ?? session.lastUsedAt,
    }),
  }),
})

const SessionConnection = connectionType('Session', SessionType, { items: 'sessions' })
const cursors = keyCursors<UserSession>('sessions', ({ id }) => [id])

builder.queryField('sessions', (t) =>
  t.field({
    type: SessionConnection,
    description:
      'Returns your sessions that have not ended, or, to a server admin, those of everyone, the newest first.',
    access: 'person',
    example: `
      # Where I am signed in.
      query Sessions {
        sessions(first: 10) { nodes { id principal kind createdAt lastUsedAt } }
      }
    `,
    complexity: pageComplexity,
    args: connectionArgs,
    resolve: (_query, args, { viewer, access }, info) =>
      connection(args, info, {
        cursors,
        rows: (page) => access.sessions.page(viewer, page),
        totalCount: () => access.sessions.count(viewer),
      }),
  }),
)

mutation('revokeSession', {
  description:
    'Ends a session of yours, or, as a server admin, of anyone. Requests with it are refused at once, and its connections are closed within a second.',
  access: 'person',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # Signs out somewhere else; the id is from the query sessions.
    mutation RevokeSession($session: ID!) {
      revokeSession(input: { id: $session }) { deletedId session { principal kind } }
    }
  `,
  input: inputType('RevokeSessionInput', {
    description: 'The session to end.',
    fields: (t) => ({ id: t.requiredId('Global `id` of the session.') }),
  }),
  inputDescription: 'The session to end.',
  payload: objectType<{ session: UserSession }>('RevokeSessionPayload', {
    description: 'The ended session.',
    properties: (t) => ({ session: t.one(SessionType, 'The session as it was.') }),
    fields: (t) => ({
      deletedId: t.id({
        description: 'Global `id` of the session, which `node(id:)` no longer finds.',
        resolve: ({ session }) => nodeId('Session', session.id),
      }),
    }),
  }),
  resolve: ({ id }, { viewer, access }) => ({
    session: access.sessions.revoke(viewer, rowIdOf('Session', id) ?? 0),
  }),
})
