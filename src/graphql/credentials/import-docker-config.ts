import type { RegistryCredential } from '../../credentials/credential-rows.ts'
import { readDockerConfig, type SkippedEntry } from '../../credentials/docker-config.ts'
import { sourcesOf } from '../../documents/parse.ts'
import { InvalidInputError } from '../../input/errors.ts'
import { inputType, mutation } from '../kit/inputs.ts'
import { objectType } from '../kit/types.ts'
import { MUTATION_COMPLEXITY } from '../work/mutation-complexity.ts'
import { RegistryCredentialType } from './registry-credential.ts'

interface ImportedCredentials {
  readonly registryCredentials: readonly RegistryCredential[]
  readonly skipped: readonly SkippedEntry[]
}

const ImportDockerConfigInput = inputType('ImportDockerConfigInput', {
  description: 'Registry credentials from a docker config.',
  fields: (t) => ({
    namespace: t.namespace('Namespace that gets the credentials, regardless of the namespace in a Secret'),
    config: t.requiredString(
      'A docker `config.json`, a podman `auth.json`, or a Kubernetes Secret of type `kubernetes.io/dockerconfigjson`, as JSON or YAML.',
    ),
  }),
})

const SkippedDockerConfigEntryType = objectType<SkippedEntry>('SkippedDockerConfigEntry', {
  description: 'An entry of a docker config that was not imported.',
  properties: (t) => ({
    key: t.string('Key of the entry in the config: a registry.'),
    message: t.string('Explanation for people why the entry was not imported, without secrets.'),
  }),
})

const ImportDockerConfigPayload = objectType<ImportedCredentials>('ImportDockerConfigPayload', {
  description: 'Imported and skipped entries of a docker config.',
  properties: (t) => ({
    registryCredentials: t.list(
      RegistryCredentialType,
      'The stored credentials, in the order of the config; at most 500, the limit of a namespace.',
    ),
    skipped: t.list(
      SkippedDockerConfigEntryType,
      'Entries without a secret, and entries whose key is not a registry; no more than the config has.',
    ),
  }),
})

/** Returns the single document of a text. Throws InvalidInputError, whose message contains nothing of the text. */
function documentOf(config: string): unknown {
  try {
    const documents = sourcesOf(config)
    if (documents.length === 1) return documents[0]?.value
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error
    const [place = 'an unknown place'] = /^line \d+, column \d+/.exec(error.message) ?? []
    throw new InvalidInputError('config', `config is neither JSON nor YAML: syntax error in ${place}`)
  }
  throw new InvalidInputError('config', 'config must be one document: a docker config or a Secret')
}

mutation('importDockerConfig', {
  description:
    'Stores the credentials of a docker config like `setRegistryCredential`: all of them, or none if one is not valid. Credentials for other registries do not change.',
  access: 'credentials',
  complexity: MUTATION_COMPLEXITY.documents,
  example: `
    # All logins of a config.json.
    mutation ImportDockerConfig {
      importDockerConfig(input: { config: "{\\"auths\\":{\\"ghcr.io\\":{\\"auth\\":\\"cmVhZGVyOnNlY3JldA==\\"}}}" }) {
        registryCredentials { prefix username }
        skipped { key message }
      }
    }
  `,
  input: ImportDockerConfigInput,
  inputDescription: 'The docker config.',
  payload: ImportDockerConfigPayload,
  resolve: (input, { viewer, credentials }) => {
    const { secrets, skipped } = readDockerConfig(documentOf(input.config))
    const inputs = [...secrets].map(([prefix, secret]) => ({ prefix, secret }))
    return { registryCredentials: credentials.setAll(viewer, input.namespace, inputs), skipped }
  },
})
