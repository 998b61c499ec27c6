import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { isObject } from '../oci/descriptor.ts'
import { type HelperRun, runHelper } from './credential-helper.ts'
import { CredentialsError } from './credentials-error.ts'

/** What a registry, or its token server, is shown. */
export type Secret =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token; the name is for token servers that know no OAuth2. */
  | { readonly kind: 'identity'; readonly username: string; readonly token: string }
  /** A bearer token for the registry itself. */
  | { readonly kind: 'registry'; readonly token: string }

export interface Credential {
  /** Tells one credential from another, without telling anything of it; changes with the secret. */
  readonly id: string
  readonly secret: Secret
}

/** Which credential a repository is read with. */
export interface Credentials {
  /** Null: none fits, ask as anybody. Throws CredentialsError when they cannot be read. */
  find(registry: string, repository: string): Promise<Credential | null>
}

/** For a server that was given no credentials. */
export const noCredentials: Credentials = { find: async () => null }

export interface DockerConfigOptions {
  /** Of the file that `docker login` or `podman login` writes: `~/.docker/config.json`, `auth.json`. */
  readonly path: string
  /** Runs a credential helper; `docker-credential-<name> get` from the PATH when not given. */
  readonly helper?: HelperRun
}

interface DockerConfig {
  readonly auths: ReadonlyMap<string, Credential>
  readonly helpers: ReadonlyMap<string, string>
  readonly store: string
}

/**
 * The credentials in a docker `config.json`: `auths` (the longest path that the repository lies under wins, see
 * containers-auth.json(5)), then `credHelpers`, then `credsStore`. The file is read again when it has changed; a file
 * that does not exist holds no credentials.
 */
export function createDockerConfigCredentials({
  path,
  helper = runHelper,
}: DockerConfigOptions): Credentials {
  let version = ''
  let config: Promise<DockerConfig> = Promise.resolve(EMPTY)

  const current = async (): Promise<DockerConfig> => {
    const found = await versionOf(path)
    if (found !== version) {
      version = found
      config = found === ABSENT ? Promise.resolve(EMPTY) : readConfig(path)
      // a failed read is told to whoever asks, until the file changes
      config.catch(() => {})
    }
    return config
  }

  return {
    async find(registry, repository) {
      const { auths, helpers, store } = await current()
      const host = normalizeKey(registry)
      for (const key of pathsOf(host, repository)) {
        const credential = auths.get(key)
        if (credential) return credential
      }
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
const EMPTY: DockerConfig = { auths: new Map(), helpers: new Map(), store: '' }
const HUB = 'docker.io'
const HUB_SERVER = 'https://index.docker.io/v1/'
const HUB_HOSTS = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io'])

const versionOf = async (path: string): Promise<string> => {
  try {
    const { mtimeMs, size, ino } = await stat(path)
    return `${mtimeMs} ${size} ${ino}`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ABSENT
    throw new CredentialsError('the credentials file cannot be read', { cause: error })
  }
}

const readConfig = async (path: string): Promise<DockerConfig> => {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new CredentialsError('the credentials file cannot be read', { cause: error })
  })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    // no cause: the parser's message quotes the file
    throw new CredentialsError('the credentials file is not JSON')
  }
  if (!isObject(json)) throw new CredentialsError('the credentials file is not a JSON object')
  const auths = new Map<string, Credential>()
  for (const [key, entry] of Object.entries(isObject(json.auths) ? json.auths : {})) {
    const secret = secretOf(entry)
    if (secret) auths.set(normalizeKey(key), credentialOf(secret))
  }
  const helpers = Object.entries(isObject(json.credHelpers) ? json.credHelpers : {})
  return {
    auths,
    helpers: new Map(helpers.map(([key, name]) => [normalizeKey(key), textOf(name)])),
    store: textOf(json.credsStore),
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

const secretOf = (entry: unknown): Secret | undefined => {
  if (!isObject(entry)) return undefined
  const auth = Buffer.from(textOf(entry.auth), 'base64').toString('utf8').replace(/\0+$/, '')
  const colon = auth.indexOf(':')
  const username = colon < 0 ? textOf(entry.username) : auth.slice(0, colon)
  const password = colon < 0 ? textOf(entry.password) : auth.slice(colon + 1)
  const identity = textOf(entry.identitytoken)
  const registry = textOf(entry.registrytoken)
  if (registry !== '') return { kind: 'registry', token: registry }
  if (identity !== '') return { kind: 'identity', username, token: identity }
  return username === '' && password === '' ? undefined : { kind: 'password', username, password }
}

const credentialOf = (secret: Secret): Credential => ({
  id: createHash('sha256').update(JSON.stringify(secret)).digest('base64url'),
  secret,
})

/** `https://index.docker.io/v1/` and `registry.example/team/` as `docker.io` and `registry.example/team`. */
function normalizeKey(key: string): string {
  const bare = key.replace(/^https?:\/\//i, '').replace(/\/+$/, '')
  const slash = bare.indexOf('/')
  const host = (slash < 0 ? bare : bare.slice(0, slash)).toLowerCase()
  const path = slash < 0 ? '' : bare.slice(slash).replace(/^\/v[12]$/, '')
  return (HUB_HOSTS.has(host) ? HUB : host) + path
}

// the whole repository first, the bare host last
function* pathsOf(host: string, repository: string): Generator<string> {
  for (
    let path = `${host}/${repository}`;
    path !== '';
    path = path.slice(0, Math.max(0, path.lastIndexOf('/')))
  ) {
    yield path
  }
}
