import { matchesGlob } from '../input/glob.ts'
import { pathsAbove, type RegistryPrefix } from './registry-login.ts'

/** Reports whether it is a pattern of hosts as in Kubernetes: `*.example.com`. */
export const isRegistryGlob = ({ registry }: RegistryPrefix): boolean => registry.includes('*')

/**
 * Reports whether the repository is below the pattern, in which a `*` matches neither a dot nor a port.
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

// labels, then the port, empty for none
const partsOf = (host: string): string[] => {
  const [, name = host, port = ''] = /^(.*?)(?::(\d+))?$/.exec(host) ?? []
  return [...name.split('.'), port]
}
