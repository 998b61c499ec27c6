import { InvalidInputError, quoted } from '../input/errors.ts'
import { isRegistryPrefix, splitPrefix } from '../logins/registry-login.ts'
import { hasControlCharacter } from '../oci/control-characters.ts'
import { isRepositoryName } from '../oci/reference.ts'
import type { Sender } from '../vendors/senders.ts'
import type { ReceiverSettings } from './receiver.ts'

/** The scope and settings of a receiver; null and undefined for a field that is not given. */
export interface ReceiverScopeInput {
  readonly registry?: string | null | undefined
  readonly aliases?: readonly string[] | null | undefined
  readonly repositories?: readonly string[] | null | undefined
  readonly settings?: ReceiverSettingsInput | null | undefined
}

/** Settings as given; null and undefined for one that is not set. */
export type ReceiverSettingsInput = {
  readonly [name in keyof ReceiverSettings]?: ReceiverSettings[name] | undefined
}

/** Aliases of one receiver, and paths of repositories. */
export const MAX_PREFIXES = 100
const MAX_SETTING_LENGTH = 500
const E_MAIL = /^[^\s@]+@[^\s@]+$/
/** Returns the registry in canonical form: the given one, or else the sender's own. Throws InvalidInputError. */
export function checkRegistry(text: string | null | undefined, sender: Sender): string {
  const registry = text ?? sender.registry
  if (registry === undefined) {
    throw new InvalidInputError(
      'registry',
      `registry is required for ${sender.title}: give the host as it is in references`,
    )
  }
  return checkHost(registry, 'registry')
}

/** Returns the hosts in canonical form, each once. Throws InvalidInputError. */
export const checkAliases = (aliases: readonly string[]): string[] => {
  checkCount(aliases, 'aliases')
  return [...new Set(aliases.map((alias, at) => checkHost(alias, `aliases.${at}`)))]
}

/** Returns the paths without the registry, with which they may be given, each once. Throws InvalidInputError. */
export function checkRepositories(paths: readonly string[], registry: string): string[] {
  checkCount(paths, 'repositories')
  return [...new Set(paths.map((path, at) => checkPath(path, registry, `repositories.${at}`)))]
}

/** Returns the settings with null for those that are not given. Throws InvalidInputError for one that the sender does not use. */
export function checkSettings(input: ReceiverSettingsInput, { settings, title }: Sender): ReceiverSettings {
  for (const [name, value] of Object.entries(input)) {
    const use = settings[name as keyof ReceiverSettings]
    if (value != null && !use) {
      throw new InvalidInputError(`settings.${name}`, `${name} is not a setting of ${title}`)
    }
    if (typeof value === 'string' && (value.length > MAX_SETTING_LENGTH || hasControlCharacter(value))) {
      throw new InvalidInputError(
        `settings.${name}`,
        `${name} has at most ${MAX_SETTING_LENGTH} characters, none of them control characters`,
      )
    }
  }
  if (input.serviceAccount != null && !E_MAIL.test(input.serviceAccount)) {
    throw new InvalidInputError(
      'settings.serviceAccount',
      'serviceAccount must be the e-mail address of a service account: push@project.iam.gserviceaccount.com',
    )
  }
  // empty: references have no path before the name of the image
  if (input.pathPrefix && !isRepositoryName(input.pathPrefix)) {
    throw new InvalidInputError(
      'settings.pathPrefix',
      'pathPrefix must be the first part of a repository in references: docker-virtual, or team/docker',
    )
  }
  for (const [name, use] of Object.entries(settings)) {
    const isMissing = (input[name as keyof ReceiverSettings] ?? null) === null
    if (use === 'NEEDED' && isMissing) {
      throw new InvalidInputError(`settings.${name}`, `${name} is required for ${title}`)
    }
  }
  return {
    pathPrefix: input.pathPrefix ?? null,
    audience: input.audience ?? null,
    serviceAccount: input.serviceAccount ?? null,
    signed: input.signed ?? null,
  }
}

function checkHost(text: string, field: string): string {
  const prefix = splitPrefix(text)
  if (!isRegistryPrefix(prefix) || prefix.path !== '') {
    throw new InvalidInputError(
      field,
      `${quoted(text)} is not a registry: give its host as it is in references, quay.io or registry.example:5000`,
    )
  }
  return prefix.registry
}

function checkPath(text: string, registry: string, field: string): string {
  const named = splitPrefix(text)
  const path = named.registry === registry ? named.path : text.replace(/\/+$/, '')
  if (isRepositoryName(path)) return path
  throw new InvalidInputError(
    field,
    `${quoted(text)} is not a path of repositories of ${registry}: give team or team/app`,
  )
}

function checkCount(list: readonly string[], field: string): void {
  if (list.length > MAX_PREFIXES) {
    throw new InvalidInputError(
      field,
      `${field} has ${list.length} entries: at most ${MAX_PREFIXES} are allowed`,
    )
  }
}
