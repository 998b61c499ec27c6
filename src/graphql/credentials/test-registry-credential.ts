import type { RegistryCredential } from '../../credentials/credential-rows.ts'
import { checkRange } from '../../input/range.ts'
import type { LoginCheck } from '../../logins/registry-login.ts'
import { FailureReasonEnum } from '../kit/failure-reason.ts'
import { inputType, MAX_WAIT, mutation } from '../kit/inputs.ts'
import { enumType, objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { RegistryCredentialType } from './registry-credential.ts'

const CredentialTestOutcomeEnum = enumType('RegistryCredentialTestOutcome', {
  description: 'Result of a test of a registry credential.',
  values: {
    ACCEPTED: 'The registry accepted the credential, which has access to what was requested.',
    NOT_REQUIRED: 'The registry responded without requiring a credential, so that it was not sent.',
    FAILED: 'The credential was rejected, or could not be tested: `reason` says why.',
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
      description: `Number of seconds to wait for the registry, ${MIN_WAIT} to ${MAX_WAIT}; the default is 30. After that time the test fails with \`REGISTRY_UNAVAILABLE\`. Only the response has the result, so 0 is not allowed.`,
    }),
  }),
})

interface TestedCredential extends LoginCheck {
  readonly registryCredential: RegistryCredential | undefined
}

const TestRegistryCredentialPayload = objectType<TestedCredential>('TestRegistryCredentialPayload', {
  description: 'The tested credential, and the result of the test.',
  properties: (t) => ({
    registryCredential: t.oneOrNull(
      RegistryCredentialType,
      'The credential, without its secret, as it is after the test; null if it was deleted during the test.',
    ),
    outcome: t.one(CredentialTestOutcomeEnum, 'Result of the test.'),
    reason: t.oneOrNull(
      FailureReasonEnum,
      'Why the test failed: for example `UNAUTHORIZED` or `FORBIDDEN` by the registry, `UNTRUSTED_TOKEN_SERVER`, or `REGISTRY_UNAVAILABLE` if the response is not conclusive. Null unless `outcome` is `FAILED`.',
    ),
    message: t.string('Explanation of the result for people, with the registry’s own message.'),
  }),
  fields: (t) => ({
    httpStatus: t.exposeInt('status', {
      nullable: true,
      description: 'HTTP status of the response that decided the result; null if there was no response.',
    }),
  }),
})

mutation('testRegistryCredential', {
  description:
    'Requests the registry with a credential, and with a new token if the registry requires one, and returns the result, after at most `waitSeconds`. A rejection by the registry is a result and not an error of the mutation.',
  access: 'credentials',
  complexity: MUTATION_COMPLEXITY.remote,
  example: `
    # Whether the registry accepts the login.
    mutation TestRegistryCredential {
      testRegistryCredential(input: { prefix: "docker.io", repository: "library/ruby" }) { outcome httpStatus message }
    }
  `,
  input: TestRegistryCredentialInput,
  inputDescription: 'The credential to test.',
  payload: TestRegistryCredentialPayload,
  resolve: async (input, { viewer, testCredential, credentials }) => {
    checkRange('waitSeconds', input.waitSeconds, MIN_WAIT, MAX_WAIT)
    return { ...(await testCredential(viewer, input)), registryCredential: credentials.at(viewer, input) }
  },
})
