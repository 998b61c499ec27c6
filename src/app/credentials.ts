import { join } from 'node:path'
import { createRegistryCredentials } from '../credentials/registry-credentials.ts'
import { credentialVault } from '../credentials/stored-secret.ts'
import { receiverVault } from '../receivers/secrets.ts'
import { registrySecretVault } from '../registry-config/secrets.ts'
import { CredentialsError, namespaceFirst, noCredentials } from '../remote/login/credentials.ts'
import { createDockerConfigCredentials } from '../remote/login/docker-config-credentials.ts'
import { provideKeys } from '../secrets/key-file.ts'
import { rotateKeys } from '../secrets/rotate-keys.ts'
import { BrokenSealError, createSealer } from '../secrets/sealer.ts'
import { parseSealingKeys } from '../secrets/sealing-key.ts'
import type { SharedParts } from './parts.ts'

/** Registry credentials of namespaces and of the server. */
export type OpenedCredentials = ReturnType<typeof openCredentials>

/** Reads the sealing keys and seals all secrets with the first of them. Throws SealingKeyError; then nothing was changed. */
export function openCredentials({ config, db, now, log, opened }: SharedParts) {
  const { credentialsKey, credentialsKeyFile, lostCredentialsKey, dataFolder, dockerConfig } = config
  const { text, source, save } = provideKeys({
    given: credentialsKey === null ? null : { text: credentialsKey, source: 'IMAGESTREAMS_CREDENTIALS_KEY' },
    file: credentialsKeyFile,
    defaultFile: join(dataFolder, 'credentials.key'),
  })
  const sealer = createSealer(parseSealingKeys(text, source))
  const { resealed, deleted } = rotateKeys({
    db,
    sealer,
    vaults: [credentialVault(db), registrySecretVault(db), receiverVault(db)],
    source,
    lost: lostCredentialsKey,
  })
  // only after the rotation: a new key file beside secrets of a lost key would look like their key
  save()
  if (resealed > 0) log.info({ resealed }, 'sealed secrets again with the first key')
  if (deleted > 0) log.warn({ deleted }, 'deleted secrets of a lost key')
  const store = opened.use(
    createRegistryCredentials({
      db,
      sealer,
      now,
      onError: (error) => log.error({ err: error }, 'cannot record last use of credentials'),
    }),
  )
  const ofNamespaces = {
    hasAny: store.hasAny,
    find: (...place: Parameters<typeof store.find>) => {
      try {
        return store.find(...place)
      } catch (error) {
        throw error instanceof BrokenSealError ? new CredentialsError(error.message) : error
      }
    },
  }
  const ofServer = dockerConfig ? createDockerConfigCredentials({ path: dockerConfig }) : noCredentials
  /** `remote` finds the credential for a request; `sealer` seals the secrets of all vaults. */
  return { store, remote: namespaceFirst(ofNamespaces, ofServer), sealer }
}
