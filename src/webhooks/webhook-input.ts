import { InvalidInputError } from '../input/errors.ts'
import { isRegistryPrefix, splitPrefix } from '../logins/registry-login.ts'
import { isRepositoryName } from '../oci/reference.ts'
import type { Sender } from '../vendors/delivery/sender.ts'
import type { OwnSettings } from './webhook.ts'

/** What may be said of a webhook; null and undefined mean that nothing is said. */
export interface ScopeInput {
  readonly registry?: string | null | undefined
  readonly aliases?: readonly string[] | null | undefined
  readonly repositories?: readonly string[] | null | undefined
  readonly settings?: SettingsInput | null | undefined
}

export type SettingsInput = { readonly [name in keyof OwnSettings]?: OwnSettings[name] | undefined }

/** Aliases, or paths of repositories, of one webhook. */
export const MAX_PREFIXES = 100
const MAX_SETTING_LENGTH = 500
const E_MAIL = /^[^\s@]+@[^\s@]+$/
/** Senders that are one registry, and name it themselves. */
const ONE_REGISTRY: Partial<Record<Sender['kind'], string>> = {
  DOCKER_HUB: 'docker.io',
  QUAY: 'quay.io',
  GITHUB: 'ghcr.io',
}

/** The registry as hints are compared with it. Throws InvalidInputError. */
export function checkRegistry(text: string | null | undefined, { kind, title }: Sender): string {
  const given = text ?? ONE_REGISTRY[kind]
  if (given === undefined) {
    throw new InvalidInputError(
      'registry',
      `${title} does not say which registry it is: give it as references have it`,
    )
  }
  return checkHost(given, 'registry')
}

/** Throws InvalidInputError. */
export const checkAliases = (aliases: readonly string[]): string[] => {
  checkCount(aliases, 'aliases')
  return [...new Set(aliases.map((alias, at) => checkHost(alias, `aliases.${at}`)))]
}

/** Paths below the registry; one may be written with it. Throws InvalidInputError. */
export function checkRepositories(paths: readonly string[], registry: string): string[] {
  checkCount(paths, 'repositories')
  return [...new Set(paths.map((path, at) => checkPath(path, registry, `repositories.${at}`)))]
}

/** The settings, of which the sender looks at all that are given. Throws InvalidInputError. */
export function checkSettings(input: SettingsInput, { settings, title }: Sender): OwnSettings {
  for (const [name, value] of Object.entries(input)) {
    const use = settings[name as keyof OwnSettings]
    if (value != null && !use) {
      throw new InvalidInputError(`settings.${name}`, `${title} has no use for ${name}`)
    }
    if (typeof value === 'string' && (value.length > MAX_SETTING_LENGTH || /\p{Cc}/u.test(value))) {
      throw new InvalidInputError(
        `settings.${name}`,
        `${name} has at most ${MAX_SETTING_LENGTH} characters, none of them control characters`,
      )
    }
  }
  if (input.serviceAccount != null && !E_MAIL.test(input.serviceAccount)) {
    throw new InvalidInputError(
      'settings.serviceAccount',
      'serviceAccount is the e-mail address of a service account: push@project.iam.gserviceaccount.com',
    )
  }
  // empty: nothing stands before the image's name
  if (input.pathPrefix && !isRepositoryName(input.pathPrefix)) {
    throw new InvalidInputError(
      'settings.pathPrefix',
      'pathPrefix is the beginning of a repository, as references have it: docker-virtual, or team/docker',
    )
  }
  for (const [name, use] of Object.entries(settings)) {
    const isMissing = (input[name as keyof OwnSettings] ?? null) === null
    if (use === 'NEEDED' && isMissing) {
      throw new InvalidInputError(`settings.${name}`, `${title} needs ${name}`)
    }
  }
  return {
    pathPrefix: input.pathPrefix ?? null,
    audience: input.audience ?? null,
    serviceAccount: input.serviceAccount ?? null,
    isSigned: input.isSigned ?? null,
  }
}

function checkHost(text: string, field: string): string {
  const prefix = splitPrefix(text)
  if (!isRegistryPrefix(prefix) || prefix.path !== '') {
    throw new InvalidInputError(
      field,
      `"${text.slice(0, 100)}" is not a registry: write its host as references have it, quay.io or registry.example:5000`,
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
    `"${text.slice(0, 100)}" is not a path of repositories of ${registry}: write team or team/app`,
  )
}

function checkCount(list: readonly string[], field: string): void {
  if (list.length > MAX_PREFIXES) {
    throw new InvalidInputError(field, `${list.length} are given; ${MAX_PREFIXES} is the most`)
  }
}
