import { parseArgs } from 'node:util'
import { type Config, SETTINGS, type Setting } from './settings.ts'

export type { Config } from './settings.ts'

/** A setting that cannot be taken; the message names it and says what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'INVALID_CONFIG'
}

const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/.test(host)

const PREFIX = 'IMAGESTREAMS_'
const variableOf = (flag: string): string => PREFIX + flag.toUpperCase().replaceAll('-', '_')
const settings = Object.entries(SETTINGS) as [keyof Config, Setting<unknown>][]

/** What `--help` prints. */
export const helpText = (): string =>
  [
    'imagestreams: what does this tag mean now, since when, and tell me the moment it changes',
    '',
    'Each setting is a flag (--port 5000) or an environment variable (IMAGESTREAMS_PORT=5000):',
    ...settings.map(
      ([, { flag, fallback, description, inEnvironmentOnly }]) =>
        `  ${(inEnvironmentOnly ? variableOf(flag) : `--${flag}`).padEnd(32)}${description}${fallback === '' ? '' : ` (${fallback})`}`,
    ),
  ].join('\n')

/** Reads flags, then the environment, then defaults. Null when help was asked for. Throws ConfigError. */
export function readConfig(
  args: readonly string[] = process.argv.slice(2),
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Config | null {
  const flags = readFlags(args)
  if (flags.help === true) return null
  const known = new Set(settings.map(([, { flag }]) => variableOf(flag)))
  const unknown = Object.keys(environment).find((name) => name.startsWith(PREFIX) && !known.has(name))
  if (unknown) throw new ConfigError(`${unknown} is not a setting; there are: ${[...known].join(', ')}`)

  const entries = settings.map(([name, { flag, fallback, parse, isSecret }]) => {
    const text = flags[flag] ?? environment[variableOf(flag)] ?? fallback
    try {
      return [name, parse(String(text))]
    } catch (error) {
      const allowed = error instanceof Error ? error.message : String(error)
      const given = isSecret ? 'too short' : `"${text}"`
      throw new ConfigError(`--${flag} (${variableOf(flag)}) is ${given}; it must be ${allowed}`, {
        cause: error,
      })
    }
  })
  const config: Config = Object.freeze(Object.fromEntries(entries))
  // credential helpers get what is left of it
  if (environment === process.env) {
    for (const [, { flag, isSecret }] of settings) if (isSecret) delete process.env[variableOf(flag)]
  }
  if (!isLoopback(config.host) && !config.openToEverybody) {
    throw new ConfigError(
      `--host ${config.host} can be reached by other machines, and the server asks nobody who they are: ` +
        'set --open-to-everybody true (IMAGESTREAMS_OPEN_TO_EVERYBODY=true) if that is meant',
    )
  }
  if (config.externalRegistry && config.webhookSecret === null) {
    throw new ConfigError(
      '--external-registry needs --webhook-secret (IMAGESTREAMS_WEBHOOK_SECRET): ' +
        "the secret in the header of the registry's notifications",
    )
  }
  if (config.credentialsKey !== null && config.credentialsKeyFile !== null) {
    throw new ConfigError(
      'IMAGESTREAMS_CREDENTIALS_KEY and --credentials-key-file (IMAGESTREAMS_CREDENTIALS_KEY_FILE) ' +
        'are two places for the same keys: set one of them',
    )
  }
  return config
}

function readFlags(args: readonly string[]): Readonly<Record<string, string | boolean | undefined>> {
  try {
    const flags = settings.filter(([, { inEnvironmentOnly }]) => !inEnvironmentOnly)
    const options = Object.fromEntries(flags.map(([, { flag }]) => [flag, { type: 'string' as const }]))
    return parseArgs({ args: [...args], options: { ...options, help: { type: 'boolean' } } }).values
  } catch (error) {
    throw new ConfigError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}
