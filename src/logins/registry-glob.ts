import { matchesGlob } from '../input/glob.ts'
import { pathsAbove, type RegistryPrefix } from './registry-login.ts'

/** Whether Kubernetes would read it as a pattern of hosts: `*.example.com`. */
export const isRegistryGlob = ({ registry }: RegistryPrefix): boolean => registry.includes('*')

/**
 * Whether the repository lies below the pattern, in which a `*` stands for no dot and for no port.
 * Source: Kubernetes, Images, interpretation of config.json.
 */
export function liesBelowGlob(glob: RegistryPrefix, registry: string, repository: string): boolean {
  const [patterns, labels] = [glob.registry, registry].map(partsOf) as [string[], string[]]
  return (
    patterns.length === labels.length &&
    patterns.every((pattern, at) => matchesGlob(pattern, labels[at] ?? '')) &&
    [...pathsAbove(repository)].includes(glob.path)
  )
}

// the port last, empty where there is none
const partsOf = (host: string): string[] => {
  const [, name = host, port = ''] = /^(.*?)(?::(\d+))?$/.exec(host) ?? []
  return [...name.split('.'), port]
}
