import { enumType } from './types.ts'

interface Meaning {
  readonly cause: string
  /** What a client does. */
  readonly action: string
}

/** Every value of `extensions.code`. The README of this room has the same table. */
export const ERROR_CODES = {
  INVALID: {
    cause:
      'An argument or variable is not valid. `extensions.field` is its path, such as `mirrors.0.location`.',
    action: 'Correct the field.',
  },
  NOT_FOUND: {
    cause:
      'The object that a mutation or subscription names does not exist, or the URL has another path than the API.',
    action: 'Check the name; create the object if it is missing.',
  },
  ALREADY_EXISTS: {
    cause: 'Another object has the name.',
    action: 'Use another name, or change the existing object.',
  },
  CONFLICT: {
    cause: '`resourceVersion` is outdated, or a name matches several objects.',
    action: 'Read the object again and repeat the change.',
  },
  CURSOR_EXPIRED: {
    cause: 'The log no longer contains the changes after the cursor.',
    action: 'Read the image streams, then subscribe without a cursor.',
  },
  REGISTRY_ERROR: {
    cause:
      'A request to a registry failed. `extensions.registry` and `extensions.reason` identify the failure.',
    action: 'Act on the reason: correct the name or the credential, or repeat the request later.',
  },
  TOO_COMPLEX: {
    cause: 'The operation exceeds a limit; the message names it.',
    action: 'Select less, request smaller pages, or move long inputs into variables.',
  },
  RATE_LIMITED: {
    cause:
      'The client has used more of the server than it may use in a minute. `extensions.retryAfterSeconds` has the seconds to wait, as the header `Retry-After`.',
    action: 'Repeat the operation after these seconds; select less, or request smaller pages.',
  },
  UNAUTHENTICATED: {
    cause: 'The request has no credential, or one that is not valid, expired or revoked.',
    action: 'Sign in, or send an access token in the header `Authorization: Bearer`.',
  },
  FORBIDDEN: {
    cause:
      'A right is missing, which the message names; a protection of tags or a quota of the namespace does not allow the change; a page of another site may have sent the request; or its `Host` is not this server.',
    action:
      'Ask an admin of the namespace for a role with the right, or a server admin for a higher quota. Set the header `content-type: application/json`, or use the server’s name.',
  },
  GRAPHQL_PARSE_FAILED: {
    cause: 'The document is not GraphQL. `locations` has the place.',
    action: 'Correct the syntax.',
  },
  GRAPHQL_VALIDATION_FAILED: {
    cause:
      'The document does not match the schema, for example it selects an unknown field. `locations` has the place.',
    action: 'Correct the document.',
  },
  OPERATION_RESOLUTION_FAILURE: {
    cause: 'The document has no operation, or several and `operationName` names none of them.',
    action: 'Send one operation, or name one.',
  },
  BAD_REQUEST: {
    cause: 'The HTTP request has no GraphQL request, or its body, parameters or method are not valid.',
    action: 'Correct the request.',
  },
  UNAVAILABLE: {
    cause:
      'The server cannot write: its storage is full or read-only. Nothing was changed; queries still work. Or it receives too many large requests at a time: the response has the header `Retry-After`.',
    action:
      'Free space, or make the data folder writable, then repeat the request; or repeat it after the seconds of `Retry-After`.',
  },
  INTERNAL: {
    cause: 'A fault of the server. The server’s log has the details under `extensions.requestId`.',
    action: 'Report the request id to the operator.',
  },
} as const satisfies Readonly<Record<string, Meaning>>

/** `extensions.code` of an error. */
export type ErrorCode = keyof typeof ERROR_CODES

export const ErrorCodeEnum = enumType('ErrorCode', {
  description:
    'Code of an error: every error of a response has one in `extensions.code`. The other `extensions` depend on the code: `field`, `registry`, `reason` (a `FailureReason`), `retryAfterSeconds` and `requestId`.',
  values: Object.fromEntries(
    Object.entries<Meaning>(ERROR_CODES).map(([code, { cause, action }]) => [code, `${cause} ${action}`]),
  ) as Record<ErrorCode, string>,
})
