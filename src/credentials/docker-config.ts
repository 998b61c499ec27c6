import { InvalidInputError } from '../input/errors.ts'
import {
  formatPrefix,
  isRegistryPrefix,
  type Secret,
  secretOfEntry,
  splitPrefix,
} from '../logins/registry-login.ts'
import { isObject } from '../oci/descriptor.ts'
import { checkSecret } from './credential-input.ts'

/** What a docker config holds for registries. */
export interface DockerConfigLogins {
  /** By prefix: an entry under another name of the same registry replaces an earlier one. */
  readonly secrets: ReadonlyMap<string, Secret>
  readonly skipped: readonly SkippedEntry[]
}

/** An entry that cannot be kept. */
export interface SkippedEntry {
  /** As the config names it. */
  readonly key: string
  /** For a person; never holds a secret. */
  readonly reason: string
}

/**
 * Reads a docker `config.json` (or podman's `auth.json`), or a Kubernetes Secret of type `kubernetes.io/dockerconfigjson`
 * or `kubernetes.io/dockercfg`, parsed already. Throws InvalidInputError for what is neither.
 * Source: docker/cli, configfile; Kubernetes, pull an image from a private registry.
 */
export function readDockerConfig(document: unknown): DockerConfigLogins {
  if (!isObject(document))
    throw refuse('config must be an object: a docker config.json or a Kubernetes Secret')
  const config = document.kind === 'Secret' ? configOfSecret(document) : document
  const { auths, credHelpers, credsStore } = config
  if (!isObject(auths) && !isObject(credHelpers) && !credsStore) {
    throw refuse('there is no "auths" in it: that is what docker login and podman login write')
  }
  const secrets = new Map<string, Secret>()
  const skipped: SkippedEntry[] = []
  for (const [key, entry] of Object.entries(isObject(auths) ? auths : {})) {
    const prefix = splitPrefix(key)
    const secret = secretOfEntry(entry)
    const reason = secret
      ? reasonAgainst(prefix, secret)
      : 'it holds no secret: a credential helper may keep it'
    if (secret && reason === undefined) secrets.set(formatPrefix(prefix), secret)
    else skipped.push({ key: shown(key), reason: reason ?? '' })
  }
  for (const key of Object.keys(isObject(credHelpers) ? credHelpers : {})) {
    skipped.push({
      key: shown(key),
      reason: 'a program on your machine keeps it, and this server does not run it',
    })
  }
  return { secrets, skipped }
}

function reasonAgainst(prefix: ReturnType<typeof splitPrefix>, secret: Secret): string | undefined {
  if (!isRegistryPrefix(prefix)) return 'it is no registry, nor a registry and a path'
  try {
    checkSecret(secret)
    return undefined
  } catch (error) {
    if (error instanceof InvalidInputError) return error.message
    throw error
  }
}

type Json = Readonly<Record<string, unknown>>

/** Keys of a Secret, and what their value is the value of. */
const SECRET_KEYS = [
  ['.dockerconfigjson', (json: Json): Json => json],
  ['.dockercfg', (json: Json): Json => ({ auths: json })],
] as const

function configOfSecret({ data, stringData }: Json): Json {
  for (const [key, configOf] of SECRET_KEYS) {
    // what is written in the clear wins, as in Kubernetes
    const plain = isObject(stringData) ? stringData[key] : undefined
    const encoded = isObject(data) ? data[key] : undefined
    if (typeof plain === 'string') return configOf(parseObject(plain, key))
    if (typeof encoded === 'string')
      return configOf(parseObject(Buffer.from(encoded, 'base64').toString(), key))
  }
  throw refuse(
    'the Secret holds no registry credentials: it must have the key .dockerconfigjson or .dockercfg',
  )
}

function parseObject(text: string, key: string): Json {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    // no cause: the parser's message quotes what may be a password
  }
  if (!isObject(json)) throw refuse(`${key} of the Secret is not a JSON object in base64`)
  return json
}

const refuse = (message: string) => new InvalidInputError('config', message)

/** Characters of a key that are shown. */
const MAX_SHOWN = 200

/** Without a login that somebody wrote into the address. */
const shown = (key: string): string => key.replace(/^.*@/s, '***@').slice(0, MAX_SHOWN)
