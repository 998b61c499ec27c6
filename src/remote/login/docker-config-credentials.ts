import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import {
  formatPrefix,
  isRegistryGlob,
  liesBelowGlob,
  pathsAbove,
  type RegistryPrefix,
  type Secret,
  secretOfEntry,
  splitPrefix,
} from '../../logins/registry-login.ts'
import { isObject, parseJson, textOf } from '../../oci/json.ts'
import { type Credential, CredentialsError, type ServerCredentials } from './credentials.ts'

export interface DockerConfigOptions {
  /** Path of the file that `docker login` or `podman login` writes: `~/.docker/config.json`, `auth.json`. */
  readonly path: string
  /** Runs a credential helper; `docker-credential-<name> get` from the PATH by default. */
  readonly helper?: HelperRun
}

interface DockerConfig {
  readonly auths: ReadonlyMap<string, Credential>
  /** Credentials for host patterns, the longest pattern first. */
  readonly globs: readonly { readonly prefix: RegistryPrefix; readonly credential: Credential }[]
  readonly helpers: ReadonlyMap<string, string>
  readonly store: string
}

/**
 * Creates the credentials of a docker `config.json`: `auths` (the longest path above the repository, see
 * containers-auth.json(5), then the longest host pattern, as in Kubernetes), then `credHelpers`, then `credsStore`. A changed
 * file is read again; a missing file has no credentials.
 */
export function createDockerConfigCredentials({
  path,
  helper = runHelper,
}: DockerConfigOptions): Pick<ServerCredentials, 'find'> {
  let version = ''
  let config: Promise<DockerConfig> = Promise.resolve(EMPTY)

  const current = async (): Promise<DockerConfig> => {
    const found = await versionOf(path)
    if (found !== version) {
      version = found
      config = found === ABSENT ? Promise.resolve(EMPTY) : readConfig(path)
      // each caller receives the error of a failed read, until the file changes
      config.catch(() => {})
    }
    return config
  }

  return {
    async find(registry, repository) {
      const { auths, globs, helpers, store } = await current()
      const { registry: host } = splitPrefix(registry)
      for (const above of pathsAbove(repository)) {
        const credential = auths.get(formatPrefix({ registry: host, path: above }))
        if (credential) return credential
      }
      const glob = globs.find(({ prefix }) => liesBelowGlob(prefix, host, repository))
      if (glob) return glob.credential
      const name = helpers.get(host) ?? store
      if (name === '') return null
      const login = await helper(name, host === HUB ? HUB_SERVER : host)
      if (!login) return null
      return login.username === '<token>'
        ? credentialOf({ kind: 'identity', username: '', token: login.secret })
        : credentialOf({ kind: 'password', username: login.username, password: login.secret })
    },
  }
}

const ABSENT = 'absent'
const EMPTY: DockerConfig = { auths: new Map(), globs: [], helpers: new Map(), store: '' }
const HUB = 'docker.io'
const HUB_SERVER = 'https://index.docker.io/v1/'

const versionOf = async (path: string): Promise<string> => {
  try {
    const { mtimeMs, size, ino } = await stat(path)
    return `${mtimeMs} ${size} ${ino}`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ABSENT
    throw new CredentialsError('the file of --docker-config cannot be read', { cause: error })
  }
}

const readConfig = async (path: string): Promise<DockerConfig> => {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new CredentialsError('the file of --docker-config cannot be read', { cause: error })
  })
  const json = parseJson(text)
  if (json === undefined) throw new CredentialsError('the file of --docker-config is not JSON')
  if (!isObject(json)) throw new CredentialsError('the file of --docker-config is not a JSON object')
  const auths = new Map<string, Credential>()
  const globs = []
  for (const [key, entry] of Object.entries(isObject(json.auths) ? json.auths : {})) {
    const prefix = splitPrefix(key)
    const secret = secretOfEntry(entry)
    if (!secret) continue
    if (isRegistryGlob(prefix)) globs.push({ prefix, credential: credentialOf(secret) })
    else auths.set(formatPrefix(prefix), credentialOf(secret))
  }
  globs.sort((a, b) => formatPrefix(b.prefix).length - formatPrefix(a.prefix).length)
  const helpers = Object.entries(isObject(json.credHelpers) ? json.credHelpers : {})
  return {
    auths,
    globs,
    helpers: new Map(helpers.map(([key, name]) => [formatPrefix(splitPrefix(key)), textOf(name)])),
    store: textOf(json.credsStore),
  }
}

const credentialOf = (secret: Secret): Credential => ({
  id: createHash('sha256').update(JSON.stringify(secret)).digest('base64url'),
  secret,
})

/** The login that a helper stores for a server; the username `<token>` marks an identity token. */
interface HelperLogin {
  readonly username: string
  readonly secret: string
}

/** Returns a server's login from the helper of this name; undefined when it has none. Throws CredentialsError. */
export type HelperRun = (name: string, server: string) => Promise<HelperLogin | undefined>

/** Milliseconds of a credential helper. */
const HELPER_TIMEOUT = 15_000
/** Bytes of its output. */
const MAX_OUTPUT = 1024 * 1024
const NOT_FOUND = /credentials not found/i

/** Runs `docker-credential-<name> get`. Source: docker/docker-credential-helpers, the helper protocol. */
export const runHelper: HelperRun = (name, server) =>
  new Promise((resolve, reject) => {
    // a name without a path: the credentials file must not select an arbitrary program
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name)) {
      reject(
        new CredentialsError('the file of --docker-config contains an invalid name of a credential helper'),
      )
      return
    }
    const options = { timeout: HELPER_TIMEOUT, maxBuffer: MAX_OUTPUT }
    const helper = execFile(`docker-credential-${name}`, ['get'], options, (error, output) => {
      if (error && NOT_FOUND.test(output)) resolve(undefined)
      else if (error)
        reject(new CredentialsError(`the credential helper "${name}" of --docker-config failed`))
      else resolve(parseLogin(output))
    })
    // the exit code reports a helper that ended without reading its input
    helper.stdin?.on('error', () => {})
    helper.stdin?.end(server)
  })

const parseLogin = (output: string): HelperLogin | undefined => {
  const json = parseJson(output)
  if (!isObject(json) || typeof json.Username !== 'string' || typeof json.Secret !== 'string')
    return undefined
  return json.Secret === '' ? undefined : { username: json.Username, secret: json.Secret }
}
