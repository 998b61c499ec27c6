import type { CredentialTest } from '../../credentials/credential-test.ts'
import { builder } from '../kit/builder.ts'

const CredentialTestOutcomeEnum = builder.enumType('RegistryCredentialTestOutcome', {
  description: 'What a registry makes of a credential.',
  values: {
    OK: { description: 'The registry took the credential.' },
    NOT_ASKED_FOR: { description: 'The registry answers everybody, and did not ask for the credential.' },
    NOT_SHOWN: {
      description: 'The registry names a token server that is not known to be its own: it was shown nothing.',
    },
    UNAUTHORIZED: { description: 'The credential is wrong, or opens nothing there: 401.' },
    FORBIDDEN: { description: 'The credential is known, and may not read this: 403.' },
    NOT_FOUND: { description: 'There is no such repository, or none that the credential may know of: 404.' },
    TOO_MANY_REQUESTS: { description: 'The registry takes no more requests for now: 429.' },
    BLOCKED: {
      description:
        'A configuration says that the registry is not to be asked, or cannot be used: nothing was sent.',
    },
    UNAVAILABLE: { description: 'The registry, or its token server, gave no answer that tells.' },
    BROKEN: { description: 'What is stored of the credential was changed: set it anew.' },
  } as const,
})

const TestRegistryCredentialInput = builder.inputType('TestRegistryCredentialInput', {
  description: 'A credential to try.',
  fields: (t) => ({
    namespace: t.string({ required: true, defaultValue: 'default', description: 'Its namespace.' }),
    prefix: t.string({ required: true, description: 'What it is for, as it was set.' }),
    repository: t.string({
      description:
        'A repository below the prefix to read with it, without the registry: `team/app`. Without one the registry is asked whether it takes the credential at all.',
    }),
    insecure: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Accepts plain HTTP, or a certificate that does not verify.',
    }),
  }),
})

const TestRegistryCredentialPayload = builder
  .objectRef<CredentialTest>('TestRegistryCredentialPayload')
  .implement({
    description: 'What the registry answered to a credential.',
    fields: (t) => ({
      outcome: t.field({
        type: CredentialTestOutcomeEnum,
        description: 'What the registry makes of it.',
        resolve: ({ outcome }) => outcome,
      }),
      status: t.exposeInt('status', {
        nullable: true,
        description: 'HTTP status of the answer that says so; null where there was none.',
      }),
      message: t.exposeString('message', {
        description: 'The same for a person, with the registry’s own words.',
      }),
    }),
  })

builder.mutationField('testRegistryCredential', (t) =>
  t.field({
    type: TestRegistryCredentialPayload,
    description:
      'Asks the registry now, with a new token where it wants one, and says what it answers; takes up to 20 seconds. What the registry says is data, not an error.',
    args: {
      input: t.arg({ type: TestRegistryCredentialInput, required: true, description: 'Which one to try.' }),
    },
    resolve: (_mutation, { input }, { testCredential }) => testCredential(input),
  }),
)
