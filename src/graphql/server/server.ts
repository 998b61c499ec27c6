import { builder, MAX_COMPLEXITY } from '../kit/builder.ts'
import { DEFAULT_PAGE_SIZE, MAXIMUM_PAGE_SIZE } from '../kit/connection.ts'
import type { ServerFeature, ServerView, SignInMode } from '../kit/context.ts'
import { ERROR_CODES, type ErrorCode, ErrorCodeEnum } from '../kit/error-codes.ts'
import { MAX_WAIT } from '../kit/inputs.ts'
import { NodeInterface, nodeId, registerNode } from '../kit/node.ts'
import { enumType, objectType } from '../kit/types.ts'

/** Key of the only server. */
const ONLY = 'this'

registerNode('Server', {
  load: (key, { server }) => (key === ONLY ? server : undefined),
  access: 'anyone',
})

const ServerFeatureEnum = enumType<ServerFeature>('ServerFeature', {
  description: 'An optional part of the server that is on.',
  values: {
    INTEGRATED_REGISTRY:
      'The registry that receives pushes is part of this server: images are pushed to its address under `/v2/`, and garbage collections remove blobs.',
    EXTERNAL_REGISTRY:
      'The registry that receives pushes is another server, which notifies this one (`--external-registry`).',
    REMOTE_ACCESS: 'Other machines may connect without sign-in (`--open-to-everybody`).',
    SCHEDULED_PRUNING:
      'The server removes old images and history periodically (`--prune-hours`); otherwise only `pruneImages` does.',
    SCHEDULED_GARBAGE_COLLECTION:
      'The server collects garbage of the registry periodically (`--collect-hours`); otherwise only `collectGarbage` does.',
    DEFAULT_CREDENTIALS:
      'Registries for which a namespace has no credential get the login of the server’s own `config.json` (`--docker-config`).',
  },
})

const SignInModeEnum = enumType<SignInMode>('SignInMode', {
  description: 'How clients of the server sign in.',
  values: {
    OPEN: 'No sign-in is configured: every client that reaches the server may do everything.',
    TOKENS:
      'Clients present an access token or a session (`--sign-in tokens`); without one they have the rights of everyone.',
    PROVIDER:
      'People sign in at `/sign-in` with the OpenID provider of the team; machines present access tokens, or tokens of issuers that a federation rule admits.',
  },
})

const ServerLimitsType = objectType<ServerView['limits']>('ServerLimits', {
  description: 'Limits of one request. An operation that exceeds one of them is refused with `TOO_COMPLEX`.',
  properties: (t) => ({
    depth: t.int('Maximum number of nested fields of an operation.'),
    aliases: t.int('Maximum number of aliases of an operation.'),
    documentLength: t.int('Maximum number of characters of a document; long values belong in variables.'),
    bodySize: t.bigInt('Maximum number of bytes of the body of an HTTP request.'),
    messageSize: t.bigInt('Maximum number of bytes of a WebSocket message from a client.'),
    socketOperations: t.int('Maximum number of operations that run at the same time on one WebSocket.'),
  }),
  fields: (t) => ({
    defaultPageSize: t.int({
      description: 'Number of items of a page of a connection without `first` and `last`.',
      resolve: () => DEFAULT_PAGE_SIZE,
    }),
    pageSize: t.int({
      description: 'Maximum of `first` and `last` of a connection.',
      resolve: () => MAXIMUM_PAGE_SIZE,
    }),
    complexity: t.int({
      description:
        'Maximum number of values that an operation may return, counted before it runs: a page counts by its size, another list as five.',
      resolve: () => MAX_COMPLEXITY,
    }),
    waitSeconds: t.int({
      description: 'Maximum of `waitSeconds` of a mutation, in seconds.',
      resolve: () => MAX_WAIT,
    }),
  }),
})

const ServerType = builder.objectRef<ServerView>('Server')
objectType(ServerType, {
  description: 'This server: its version, its optional parts and its limits.',
  interfaces: [NodeInterface],
  properties: (t) => ({
    version: t.string('Version of the program, as in semantic versioning: `0.1.0`.'),
    startedAt: t.dateTime('Time at which the server started.'),
    signIn: t.one(SignInModeEnum, 'How clients sign in.'),
    features: t.list(
      ServerFeatureEnum,
      'Optional parts that are on; at most one for each value of `ServerFeature`.',
    ),
    limits: t.one(ServerLimitsType, 'Limits of one request.'),
    logRetentionDays: t.intOrNull(
      'Number of days for which the change log is kept, so that a subscription can resume from a cursor; null if the log is kept forever.',
    ),
  }),
  fields: (t) => ({
    id: t.id({
      description: 'Global identifier of the server; the same for every server.',
      resolve: () => nodeId('Server', ONLY),
    }),
    errorCodes: t.field({
      type: [ErrorCodeEnum],
      description:
        'Every code that `extensions.code` of an error may have, one for each value of `ErrorCode`, whose descriptions have the cause and what a client does.',
      resolve: () => Object.keys(ERROR_CODES) as ErrorCode[],
    }),
  }),
})

builder.queryField('server', (t) =>
  t.field({
    type: ServerType,
    description: 'Returns this server: its version, its optional parts, its limits and its error codes.',
    access: 'anyone',
    example: `
      # What this server is, and what a client may send.
      query Server {
        server {
          version
          startedAt
          signIn
          features
          logRetentionDays
          limits { pageSize defaultPageSize complexity depth waitSeconds }
          errorCodes
        }
      }
    `,
    resolve: (_query, _args, { server }) => server,
  }),
)
