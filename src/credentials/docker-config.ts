import { InvalidInputError } from '../input/errors.ts'
import {
  formatPrefix,
  isRegistryPrefix,
  type Secret,
  secretOfEntry,
  splitPrefix,
} from '../logins/registry-login.ts'
import { isObject, type Json, parseJson } from '../oci/json.ts'
import { checkSecret } from './credential-input.ts'

/** Registry secrets of a docker config. */
export interface DockerConfigLogins {
  /** By prefix. An entry under another name of the same registry replaces an earlier one. */
  readonly secrets: ReadonlyMap<string, Secret>
  readonly skipped: readonly SkippedEntry[]
}

/** An entry that cannot be imported. */
export interface SkippedEntry {
  /** Key of the entry in the config, without a login in it. */
  readonly key: string
  /** Why it cannot be imported, as text without secrets. */
  readonly message: string
}

/**
 * Reads a parsed docker `config.json` (or podman's `auth.json`), or a parsed Kubernetes Secret of type
 * `kubernetes.io/dockerconfigjson` or `kubernetes.io/dockercfg`. Throws InvalidInputError for other documents.
 * Source: docker/cli, configfile; Kubernetes, pull an image from a private registry.
 */
export function readDockerConfig(document: unknown): DockerConfigLogins {
  if (!isObject(document))
    throw refuse('config must be an object: a docker config.json or a Kubernetes Secret')
  const config = document.kind === 'Secret' ? configOfSecret(document) : document
  const { auths, credHelpers, credsStore } = config
  if (!isObject(auths) && !isObject(credHelpers) && !credsStore) {
    throw refuse('config has no "auths": docker login and podman login write it')
  }
  const secrets = new Map<string, Secret>()
  const skipped: SkippedEntry[] = []
  for (const [key, entry] of Object.entries(isObject(auths) ? auths : {})) {
    const prefix = splitPrefix(key)
    const secret = secretOfEntry(entry)
    const message = secret
      ? reasonAgainst(prefix, secret)
      : 'it contains no secret: a credential helper may store it'
    if (secret && message === undefined) secrets.set(formatPrefix(prefix), secret)
    else skipped.push({ key: printable(key), message: message ?? '' })
  }
  for (const key of Object.keys(isObject(credHelpers) ? credHelpers : {})) {
    skipped.push({
      key: printable(key),
      message:
        'a credential helper on your machine stores it, and this server does not run credential helpers',
    })
  }
  return { secrets, skipped }
}

function reasonAgainst(prefix: ReturnType<typeof splitPrefix>, secret: Secret): string | undefined {
  if (!isRegistryPrefix(prefix)) return 'it is not a registry, nor a registry and a path'
  try {
    checkSecret(secret)
    return undefined
  } catch (error) {
    if (error instanceof InvalidInputError) return error.message
    throw error
  }
}

/** Keys of a Secret, and how the docker config follows from their value. */
const SECRET_KEYS = [
  ['.dockerconfigjson', (json: Json): Json => json],
  ['.dockercfg', (json: Json): Json => ({ auths: json })],
] as const

function configOfSecret({ data, stringData }: Json): Json {
  for (const [key, configOf] of SECRET_KEYS) {
    // stringData wins over data, as in Kubernetes
    const plain = isObject(stringData) ? stringData[key] : undefined
    const encoded = isObject(data) ? data[key] : undefined
    if (typeof plain === 'string') return configOf(parseObject(plain, key))
    if (typeof encoded === 'string')
      return configOf(parseObject(Buffer.from(encoded, 'base64').toString(), key))
  }
  throw refuse(
    'the Secret contains no registry credentials: it must have the key .dockerconfigjson or .dockercfg',
  )
}

function parseObject(text: string, key: string): Json {
  const json = parseJson(text)
  if (!isObject(json)) throw refuse(`${key} of the Secret is not a JSON object in base64`)
  return json
}

const refuse = (message: string) => new InvalidInputError('config', message)

/** Characters of a key in a message. */
const MAX_KEY_LENGTH = 200

/** Returns the key for messages, without a login before `@`. */
const printable = (key: string): string => key.replace(/^.*@/s, '***@').slice(0, MAX_KEY_LENGTH)
