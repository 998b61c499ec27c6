import { parsePlace } from '../../access/grant/place.ts'
import { principalId } from '../../access/identity/principal.ts'
import type { AccessToken } from '../../access/token/access-tokens.ts'
import { builder } from '../kit/builder.ts'
import { connection, keyCursors } from '../kit/connection.ts'
import { connectionArgs, connectionType, pageComplexity } from '../kit/connection-type.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { NodeInterface, nodeId, registerRowNode, rowIdOf } from '../kit/node.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { GrantType, PLACE } from './grant.ts'
import { RoleEnum } from './role.ts'

registerRowNode('AccessToken', {
  load: (id, { viewer, access }) => access.tokens.byId(viewer, id),
  access: 'load',
})

export const AccessTokenType = builder.objectRef<AccessToken>('AccessToken')
objectType(AccessTokenType, {
  description:
    'A token with which a machine presents itself. People see their own, server admins all. The server stores only a hash of it.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    name: t.string('Name that its creator gave it.'),
    prefix: t.string('First characters of the token, by which to recognise it: `ist_8hGq`.'),
    createdAt: t.dateTime('Time at which it was created.'),
    expiresAt: t.dateTimeOrNull('Time from which it is not valid; null for a token that does not expire.'),
    revokedAt: t.dateTimeOrNull('Time at which it was revoked; null for a token that is not.'),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the token.',
      resolve: ({ id }) => nodeId('AccessToken', id),
    }),
    principal: t.string({
      description: 'Identifier in grants and in the audit log: `token:7`.',
      resolve: ({ id }) => principalId('token', id),
    }),
    createdBy: t.string({
      description: 'Principal who created it, whose rights limit it: `user:12`.',
      resolve: ({ userId }) => principalId('user', userId),
    }),
    lastUsedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'Time of the last use; null for a token that was never used. A crash of the server may lose the last minute of use.',
      resolve: (token, _args, { access }) =>
        access.uses.unwrittenOf('ACCESS_TOKEN', token.id)?.at ?? token.lastUsedAt,
    }),
    lastUsedFrom: t.string({
      nullable: true,
      description: 'IP address of the client of the last use; null for a token that was never used.',
      resolve: (token, _args, { access }) =>
        access.uses.unwrittenOf('ACCESS_TOKEN', token.id)?.address ?? token.lastUsedFrom,
    }),
    grants: t.field({
      type: [GrantType],
      description:
        'Roles of the token, at most 50 that it was created with. At each use it has at most the rights that its creator has then.',
      resolve: (token, _args, { access }) => access.tokens.grantsOf(token),
    }),
  }),
})

const AccessTokenConnection = connectionType('AccessToken', AccessTokenType, { items: 'access tokens' })
const cursors = keyCursors<AccessToken>('accessTokens', ({ id }) => [id])

builder.queryField('accessTokens', (t) =>
  t.field({
    type: AccessTokenConnection,
    description:
      'Returns your access tokens, or, to a server admin, those of everyone, the newest first, revoked and expired ones included.',
    access: 'person',
    example: `
      # Which tokens exist, and whether they are used.
      query AccessTokens {
        accessTokens(first: 10) {
          nodes { id name prefix expiresAt lastUsedAt lastUsedFrom revokedAt grants { role place } }
        }
      }
    `,
    complexity: pageComplexity,
    args: connectionArgs,
    resolve: (_query, args, { viewer, access }, info) =>
      connection(args, info, {
        cursors,
        rows: (page) => access.tokens.page(viewer, page),
        totalCount: () => access.tokens.count(viewer),
      }),
  }),
)

const AccessTokenGrantInput = inputType('AccessTokenGrantInput', {
  description: 'A role of a new access token.',
  fields: (t) => ({
    role: t.requiredOne(RoleEnum, 'The role. The right `grant` has no effect in a token.'),
    place: t.requiredString(
      `${PLACE} In a namespace you need every right of the role there; \`*\` as the namespace stands for wherever you have it.`,
    ),
  }),
})

const CreateAccessTokenInput = inputType('CreateAccessTokenInput', {
  description: 'A new access token of yours.',
  fields: (t) => ({
    name: t.requiredString('Name by which you recognise it, 1 to 100 characters: `ci of team`.'),
    grants: t.requiredList(AccessTokenGrantInput, 'What it may do, 1 to 50 roles.'),
    expiresAt: t.dateTime('Time from which it is not valid; a token without it does not expire.'),
  }),
})

mutation('createAccessToken', {
  description:
    'Creates an access token for a machine, and returns it. Only this response contains it. At each use it has at most the rights that you have then; it cannot create tokens or change grants.',
  access: 'person',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # A token that pulls wherever you may pull: for docker login, as the password.
    mutation CreateAccessToken {
      createAccessToken(input: { name: "pull", grants: [{ role: PULLER, place: "*/*" }] }) {
        secret
        accessToken { id principal prefix }
      }
    }
  `,
  input: CreateAccessTokenInput,
  inputDescription: 'The token to create.',
  payload: objectType<{ token: AccessToken; secret: string }>('CreateAccessTokenPayload', {
    description: 'The new token. Only this response contains its secret.',
    properties: (t) => ({
      secret: t.string(
        'The token, for `Authorization: Bearer`, or as the password of `docker login` with any user name: `ist_…`.',
      ),
    }),
    fields: (t) => ({
      accessToken: t.field({
        type: AccessTokenType,
        description: 'The token without its secret.',
        resolve: ({ token }) => token,
      }),
    }),
  }),
  resolve: ({ name, grants, expiresAt }, { viewer, access }) =>
    access.tokens.create(viewer, {
      name,
      grants: grants.map(({ role, place }, at) => ({ role, ...parsePlace(place, `grants.${at}.place`) })),
      expiresAt: expiresAt ?? null,
    }),
})

mutation('revokeAccessToken', {
  description:
    'Revokes a token of yours, or, as a server admin, of anyone. Requests with it are refused at once, and the connections over which it is used are closed within a second.',
  access: 'person',
  complexity: MUTATION_COMPLEXITY.write,
  example: `
    # Revokes a token; the id is from the query accessTokens.
    mutation RevokeAccessToken($token: ID!) {
      revokeAccessToken(input: { id: $token }) { accessToken { name revokedAt } }
    }
  `,
  input: inputType('RevokeAccessTokenInput', {
    description: 'The token to revoke.',
    fields: (t) => ({ id: t.requiredId('Global `id` of the token.') }),
  }),
  inputDescription: 'The token to revoke.',
  payload: objectType<{ accessToken: AccessToken }>('RevokeAccessTokenPayload', {
    description: 'The revoked token, which stays in the list.',
    properties: (t) => ({ accessToken: t.one(AccessTokenType, 'The token, which is no longer valid.') }),
  }),
  resolve: ({ id }, { viewer, access }) => ({
    accessToken: access.tokens.revoke(viewer, rowIdOf('AccessToken', id) ?? 0),
  }),
})
