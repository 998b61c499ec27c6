import { join } from 'node:path'
import type { Logger } from 'pino'
import { createRegistryCredentials, type RegistryCredentials } from '../credentials/registry-credentials.ts'
import { credentialVault } from '../credentials/stored-secret.ts'
import type { Database } from '../db/open.ts'
import { registrySecretVault } from '../registry-config/secrets.ts'
import { type Credentials, CredentialsError, noCredentials } from '../remote/login/credentials.ts'
import { createDockerConfigCredentials } from '../remote/login/docker-config-credentials.ts'
import { readKeyFile, writeKeyFile } from '../secrets/key-file.ts'
import { rotateKeys } from '../secrets/rotate-keys.ts'
import { BrokenSealError, createSealer, type Sealer } from '../secrets/sealer.ts'
import { newSealingKey, parseSealingKeys, SealingKeyError } from '../secrets/sealing-key.ts'
import { webhookVault } from '../webhooks/secret-vault.ts'
import type { Config } from './config.ts'

export interface CredentialParts {
  readonly config: Config
  readonly db: Database
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly log: Logger
}

/** Registry credentials of namespaces and of the server. */
export interface OpenedCredentials {
  readonly store: RegistryCredentials
  /** Finds the credential for a request: a namespace's own first, then the server's docker config. */
  readonly remote: Credentials
  /** Seals the other secrets too: each of their tables is one of the vaults below. */
  readonly sealer: Sealer
}

/** Reads the sealing keys and seals all secrets with the first of them. Throws SealingKeyError; then nothing was changed. */
export function openCredentials({ config, db, now, log }: CredentialParts): OpenedCredentials {
  const { text, source, save } = keysOf(config)
  const sealer = createSealer(parseSealingKeys(text, source))
  const { resealed, deleted } = rotateKeys({
    db,
    sealer,
    vaults: [credentialVault(db), registrySecretVault(db), webhookVault(db)],
    source,
    lost: config.lostCredentialsKey,
  })
  // only after the rotation: a new key file beside secrets of a lost key would look like their key
  save()
  if (resealed > 0) log.info({ resealed }, 'sealed secrets again with the first key')
  if (deleted > 0) log.warn({ deleted }, 'deleted secrets of a lost key')
  const store = createRegistryCredentials({
    db,
    sealer,
    now,
    onError: (error) => log.error({ err: error }, 'cannot record last use of credentials'),
  })
  return { store, remote: joined(store, config), sealer }
}

interface Keys {
  readonly text: string
  /** Where they come from, for messages. */
  readonly source: string
  /** Writes newly generated keys to the key file. */
  save(): void
}

function keysOf({ credentialsKey, credentialsKeyFile, dataFolder }: Config): Keys {
  const save = (): void => {}
  if (credentialsKey !== null) {
    return { text: credentialsKey, source: 'IMAGESTREAMS_CREDENTIALS_KEY', save }
  }
  const path = credentialsKeyFile ?? join(dataFolder, 'credentials.key')
  const source = `the key file ${path}`
  const text = readKeyFile(path)
  if (text !== undefined) return { text, source, save }
  if (credentialsKeyFile !== null) {
    throw new SealingKeyError(
      `${source} is not there: "openssl rand -base64 32" makes a key to write into it`,
    )
  }
  const made = newSealingKey()
  return { text: made, source: `${source}, which is not there`, save: () => writeKeyFile(path, `${made}\n`) }
}

function joined(store: RegistryCredentials, { dockerConfig }: Config): Credentials {
  const server = dockerConfig ? createDockerConfigCredentials({ path: dockerConfig }) : noCredentials
  const ownOf = (registry: string, repository: string, namespace: string) => {
    try {
      return store.find(namespace, registry, repository)
    } catch (error) {
      if (error instanceof BrokenSealError) throw new CredentialsError(error.message)
      throw error
    }
  }
  return {
    find: async (registry, repository, namespace) =>
      (namespace === null ? null : ownOf(registry, repository, namespace)) ??
      server.find(registry, repository),
    cacheScope: (registry, namespace) =>
      namespace !== null && store.hasAny(namespace, registry) ? namespace : '',
  }
}
