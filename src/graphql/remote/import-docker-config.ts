import type { RegistryCredential } from '../../credentials/credential-rows.ts'
import { readDockerConfig, type SkippedEntry } from '../../credentials/docker-config.ts'
import { sourcesOf } from '../../documents/parse.ts'
import { InvalidInputError } from '../../input/errors.ts'
import { builder } from '../kit/builder.ts'
import { RegistryCredentialType } from './registry-credential.ts'

interface Imported {
  readonly registryCredentials: readonly RegistryCredential[]
  readonly skipped: readonly SkippedEntry[]
}

const ImportDockerConfigInput = builder.inputType('ImportDockerConfigInput', {
  description: 'Logins to take over.',
  fields: (t) => ({
    namespace: t.string({
      required: true,
      defaultValue: 'default',
      description: 'The namespace that gets them, whatever a Secret says.',
    }),
    config: t.string({
      required: true,
      description:
        'A docker `config.json`, a podman `auth.json`, or a Kubernetes Secret of type `kubernetes.io/dockerconfigjson` in JSON or YAML.',
    }),
  }),
})

const SkippedDockerConfigEntryType = builder.objectRef<SkippedEntry>('SkippedDockerConfigEntry').implement({
  description: 'An entry of a docker config that was not taken over.',
  fields: (t) => ({
    key: t.exposeString('key', { description: 'What the config calls it: a registry.' }),
    reason: t.exposeString('reason', { description: 'Why it was not taken over, for a person.' }),
  }),
})

const ImportDockerConfigPayload = builder.objectRef<Imported>('ImportDockerConfigPayload').implement({
  description: 'What became of the entries of a docker config.',
  fields: (t) => ({
    registryCredentials: t.field({
      type: [RegistryCredentialType],
      description: 'The credentials as they are kept from now on.',
      resolve: ({ registryCredentials }) => [...registryCredentials],
    }),
    skipped: t.field({
      type: [SkippedDockerConfigEntryType],
      description: 'Entries without a secret, or for what is no registry.',
      resolve: ({ skipped }) => [...skipped],
    }),
  }),
})

/** The one document of a text. Throws InvalidInputError, in words that show nothing of the text. */
function documentOf(config: string): unknown {
  try {
    const documents = sourcesOf(config)
    if (documents.length === 1) return documents[0]?.value
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error
    const [where = 'somewhere'] = /^line \d+, column \d+/.exec(error.message) ?? []
    throw new InvalidInputError('config', `config is neither JSON nor YAML: it is broken in ${where}`)
  }
  throw new InvalidInputError('config', 'config must be one document, a docker config or a Secret')
}

builder.mutationField('importDockerConfig', (t) =>
  t.field({
    type: ImportDockerConfigPayload,
    description:
      'Keeps each login of a docker config as `setRegistryCredential` does: all of them or, when it fails, none. Credentials for other registries stay.',
    complexity: 100,
    args: {
      input: t.arg({ type: ImportDockerConfigInput, required: true, description: 'The logins.' }),
    },
    resolve: (_mutation, { input }, { credentials }) => {
      const { secrets, skipped } = readDockerConfig(documentOf(input.config))
      const { namespace } = input
      const inputs = [...secrets].map(([prefix, secret]) => ({ namespace, prefix, secret }))
      return { registryCredentials: credentials.setAll(inputs), skipped }
    },
  }),
)
