import { join } from 'node:path'
import { signingKeyVault } from '../access/signed-token/signing-key.ts'
import { createRegistryCredentials, UnboundCredentialError } from '../credentials/registry-credentials.ts'
import { credentialVault } from '../credentials/stored-secret.ts'
import { clusterVault } from '../kubernetes/cluster/secrets.ts'
import { receiverVault } from '../receivers/secrets.ts'
import type { RegistryConfigurations } from '../registry-config/registry-configurations.ts'
import { registrySecretVault } from '../registry-config/secrets.ts'
import {
  CredentialsError,
  namespaceFirst,
  noCredentials,
  type ServerCredentials,
} from '../remote/login/credentials.ts'
import { createDockerConfigCredentials } from '../remote/login/docker-config-credentials.ts'
import { provideKeys } from '../secrets/key-file.ts'
import { rotateKeys } from '../secrets/rotate-keys.ts'
import { BrokenSealError, createSealer } from '../secrets/sealer.ts'
import { parseSealingKeys } from '../secrets/sealing-key.ts'
import { keyPairVault } from '../triggers/definition/key-pairs.ts'
import { triggerVault } from '../triggers/definition/trigger-secrets.ts'
import type { SharedParts } from './parts.ts'

/** Registry credentials of namespaces and of the server. */
export type OpenedCredentials = ReturnType<typeof openCredentials>

/** Reads the sealing keys and seals all secrets with the first of them. Throws SealingKeyError; then nothing was changed. */
export function openCredentials({ config, db, audit, now, log, opened }: SharedParts) {
  const { credentialsKey, credentialsKeyFile, lostCredentialsKey, dataFolder } = config
  const { text, source, save } = provideKeys({
    given: credentialsKey === null ? null : { text: credentialsKey, source: 'IMAGESTREAMS_CREDENTIALS_KEY' },
    file: credentialsKeyFile,
    defaultFile: join(dataFolder, 'credentials.key'),
  })
  const sealer = createSealer(parseSealingKeys(text, source))
  const { resealed, deleted } = rotateKeys({
    db,
    sealer,
    vaults: [
      credentialVault,
      registrySecretVault,
      receiverVault,
      signingKeyVault,
      clusterVault,
      triggerVault,
      keyPairVault,
    ].map((vault) => vault(db)),
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
      audit,
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
        const isUnusable = error instanceof BrokenSealError || error instanceof UnboundCredentialError
        throw isUnusable ? new CredentialsError(error.message) : error
      }
    },
  }
  const ofServer = serverCredentials(config)
  /** `remoteFor` finds the credential for a request; `sealer` seals the secrets of all vaults. */
  return {
    store,
    remoteFor: (configurations: Redirections) =>
      namespaceFirst(ofNamespaces, withoutRedirections(ofServer, configurations)),
    sealer,
  }
}

/** Returns the logins of `--docker-config`, for the namespaces that may use them; for all, also what is read on behalf of none. */
function serverCredentials({
  dockerConfig,
  dockerConfigNamespaces,
}: SharedParts['config']): ServerCredentials {
  if (dockerConfig === null) return noCredentials
  const isForAll = dockerConfigNamespaces.includes('*')
  const namespaces = new Set<string | null>(dockerConfigNamespaces)
  return {
    ...createDockerConfigCredentials({ path: dockerConfig }),
    isFor: (namespace) => isForAll || namespaces.has(namespace),
  }
}

/** Configurations that clients can change. */
type Redirections = Pick<RegistryConfigurations, 'redirectsLoginsFor'>

/** Refuses to send the operator's logins where a configuration, which clients can change, decides who receives them. */
const withoutRedirections = (
  credentials: ServerCredentials,
  { redirectsLoginsFor }: Redirections,
): ServerCredentials => ({
  ...credentials,
  async find(registry, repository) {
    const found = await credentials.find(registry, repository)
    if (found && redirectsLoginsFor(registry)) {
      throw new CredentialsError(
        `the login of --docker-config for ${registry} is not sent: a registry configuration (insecure, ca, proxy, vendor or apiUrl) decides what server receives it; set a credential of the namespace instead`,
      )
    }
    return found
  },
})
