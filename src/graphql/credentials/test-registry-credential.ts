import type { CredentialTest } from '../../credentials/credential-test.ts'
import { checkRange } from '../../input/range.ts'
import { inputType, MAX_WAIT, mutation } from '../kit/inputs.ts'
import { enumType, objectType } from '../kit/types.ts'

const CredentialTestOutcomeEnum = enumType('RegistryCredentialTestOutcome', {
  description: 'Result of a test of a registry credential.',
  values: {
    OK: 'The registry accepted the credential.',
    NOT_ASKED_FOR: 'The registry responded without requiring a credential.',
    NOT_SHOWN:
      'The registry refers to a token server that is not trusted for it. The credential was not sent.',
    UNAUTHORIZED: 'The registry rejected the credential, or the credential does not grant access (401).',
    FORBIDDEN: 'The registry accepted the credential but denies access to the repository (403).',
    NOT_FOUND: 'The repository does not exist, or the credential does not grant knowledge of it (404).',
    TOO_MANY_REQUESTS: 'The registry limits the request rate (429).',
    BLOCKED: 'A registry configuration blocks the registry or cannot be used. No request was sent.',
    UNAVAILABLE: 'The registry or its token server cannot be reached, or its response is not conclusive.',
    BROKEN: 'The stored secret cannot be decrypted. Set the credential again.',
  },
})

/** Least seconds to wait: there is no other way to read the result. */
const MIN_WAIT = 1

const TestRegistryCredentialInput = inputType('TestRegistryCredentialInput', {
  description: 'A registry credential to test.',
  fields: (t) => ({
    namespace: t.namespace('Namespace of the credential'),
    prefix: t.requiredString('Prefix of the credential, as it was set.'),
    repository: t.string(
      'Repository below the prefix to read, without the registry: `team/app`. If omitted, the test only checks whether the registry accepts the credential.',
    ),
    insecure: t.flag(
      'Whether the test may use plain HTTP or accept an invalid certificate; the default is false.',
    ),
    waitSeconds: t.int({
      required: true,
      defaultValue: 30,
      description: `Number of seconds to wait for the registry, ${MIN_WAIT} to ${MAX_WAIT}; the default is 30. Then the test ends without a response. A test cannot continue in the background, so 0 is not allowed.`,
    }),
  }),
})

const TestRegistryCredentialPayload = objectType<CredentialTest>('TestRegistryCredentialPayload', {
  description: 'Result of the test.',
  properties: (t) => ({
    outcome: t.one(CredentialTestOutcomeEnum, 'Result of the test.'),
    status: t.intOrNull(
      'HTTP status of the response that decided the result; null if there was no response.',
    ),
    message: t.string('Human-readable result, with the registry’s own message.'),
  }),
})

mutation('testRegistryCredential', {
  description:
    'Requests the registry with a credential, and with a new token if the registry requires one, and returns the result, after at most `waitSeconds`. A rejection by the registry is a result and not an error of the mutation.',
  input: TestRegistryCredentialInput,
  inputDescription: 'The credential to test.',
  payload: TestRegistryCredentialPayload,
  resolve: (input, { testCredential }) => {
    checkRange('waitSeconds', input.waitSeconds, MIN_WAIT, MAX_WAIT)
    return testCredential(input)
  },
})
