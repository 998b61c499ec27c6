import { parseArgs } from 'node:util'
import { controlCharacterIn, hasControlCharacter } from '../oci/control-characters.ts'
import type { Setting } from './settings/setting.ts'
import { type Config, SETTINGS } from './settings/settings.ts'

export type { Config } from './settings/settings.ts'

/** A setting is invalid; the message names it and says what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'INVALID_CONFIG'
}

const PREFIX = 'IMAGESTREAMS_'
const variableOf = (flag: string): string => PREFIX + flag.toUpperCase().replaceAll('-', '_')
const settings = Object.entries<Setting<unknown>>(SETTINGS).map(([name, setting]) => ({
  name,
  flag: name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
  ...setting,
}))
type NamedSetting = (typeof settings)[number]

/** Returns the settings as `--help` prints them. */
export const settingsText = (): string =>
  [
    'Each setting of the server is a flag (--port 5000) or an environment variable (IMAGESTREAMS_PORT=5000):',
    ...settings.map(
      ({ flag, fallback, description, inEnvironmentOnly }) =>
        `  ${(inEnvironmentOnly ? variableOf(flag) : `--${flag}`).padEnd(32)}${description}${fallback === undefined ? '' : ` (${fallback})`}`,
    ),
  ].join('\n')

/** Reads flags, then the environment, then defaults. Throws ConfigError. */
export function readConfig(
  args: readonly string[] = process.argv.slice(2),
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Config {
  const flags = readFlags(args)
  refuseUnknownVariables(environment)
  const textOf = ({ flag, fallback }: NamedSetting): string =>
    String(flags[flag] ?? environment[variableOf(flag)] ?? fallback ?? '')
  const entries = settings.map((setting) => [setting.name, parsed(setting, textOf(setting))])
  const config: Config = Object.freeze(withSignIn(Object.fromEntries(entries)))
  // credential helpers are child processes and inherit the rest
  if (environment === process.env) {
    for (const { flag, isSecret } of settings) if (isSecret) delete process.env[variableOf(flag)]
  }
  refuseContradictions(config)
  return config
}

/** Reads the data folder alone: from its flag, then the environment, then the default. Throws ConfigError. */
export function readDataFolder(
  flag: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const setting = settings.find(({ name }) => name === 'dataFolder') as NamedSetting
  return String(parsed(setting, flag ?? environment[variableOf(setting.flag)] ?? setting.fallback ?? ''))
}

/** A provider is there to sign in with. */
const withSignIn = (config: Config): Config =>
  config.signIn === null && config.oidcIssuer ? { ...config, signIn: 'oidc' } : config

function refuseUnknownVariables(environment: Readonly<Record<string, string | undefined>>): void {
  const known = new Set(settings.map(({ flag }) => variableOf(flag)))
  const unknown = Object.keys(environment).find((name) => name.startsWith(PREFIX) && !known.has(name))
  if (unknown)
    throw new ConfigError(`${unknown} is not a setting; the settings are: ${[...known].join(', ')}`)
}

function parsed({ flag, isSecret, isText, parse }: NamedSetting, text: string): unknown {
  const name = `--${flag} (${variableOf(flag)})`
  if (isText ? controlCharacterIn(text) : hasControlCharacter(text)) {
    throw new ConfigError(`${name} has a control character, such as a line break: remove it`)
  }
  try {
    return parse(text)
  } catch (error) {
    const allowed = error instanceof Error ? error.message : String(error)
    const given = isSecret ? 'too short' : `"${text}"`
    throw new ConfigError(`${name} is ${given}; it must be ${allowed}`, {
      cause: error,
    })
  }
}

/** Reports whether only this machine can reach the address. */
export const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/.test(host)

function refuseContradictions(config: Config): void {
  if (!isLoopback(config.host) && !config.openToEverybody && config.signIn === null) {
    throw new ConfigError(
      `--host ${config.host} can be reached by other machines, and no sign-in is configured: ` +
        'set --oidc-issuer or --sign-in tokens (IMAGESTREAMS_SIGN_IN=tokens), or ' +
        '--open-to-everybody true (IMAGESTREAMS_OPEN_TO_EVERYBODY=true) to allow every client everything',
    )
  }
  if (config.openToEverybody && config.signIn !== null) {
    throw new ConfigError(
      '--open-to-everybody and --sign-in contradict each other: the first allows every client everything, ' +
        'the second what it is granted; set one of them',
    )
  }
  refuseIncompleteProvider(config)
  if (config.externalRegistry && config.webhookSecret === null) {
    throw new ConfigError(
      '--external-registry needs --webhook-secret (IMAGESTREAMS_WEBHOOK_SECRET): ' +
        "the secret in the header of the registry's notifications",
    )
  }
  if (config.dockerConfig !== null && config.dockerConfigNamespaces.length === 0) {
    throw new ConfigError(
      '--docker-config needs --docker-config-namespaces (IMAGESTREAMS_DOCKER_CONFIG_NAMESPACES): ' +
        'the namespaces that may use its logins, separated by commas, or * for all',
    )
  }
  if (config.credentialsKey !== null && config.credentialsKeyFile !== null) {
    throw new ConfigError(
      'IMAGESTREAMS_CREDENTIALS_KEY and --credentials-key-file (IMAGESTREAMS_CREDENTIALS_KEY_FILE) ' +
        'both provide the keys: set one of them',
    )
  }
}

function refuseIncompleteProvider({ signIn, oidcIssuer, oidcClientId, publicUrl, host }: Config): void {
  if (signIn === 'tokens' && oidcIssuer) {
    throw new ConfigError('--sign-in tokens and --oidc-issuer contradict each other: set one of them')
  }
  if (signIn === 'oidc' && (!oidcIssuer || oidcClientId === null)) {
    throw new ConfigError(
      '--sign-in oidc needs --oidc-issuer, the URL of the provider, and --oidc-client-id, the client that is registered there',
    )
  }
  if (signIn === 'oidc' && !publicUrl && !isLoopback(host)) {
    throw new ConfigError('--oidc-issuer needs --public-url: the provider sends browsers back to it')
  }
}

function readFlags(args: readonly string[]): Readonly<Record<string, string | undefined>> {
  try {
    const flags = settings.filter(({ inEnvironmentOnly }) => !inEnvironmentOnly)
    const options = Object.fromEntries(flags.map(({ flag }) => [flag, { type: 'string' as const }]))
    return parseArgs({ args: [...args], options }).values
  } catch (error) {
    throw new ConfigError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}
