import { InvalidInputError, invalid, quoted } from '../../input/errors.ts'
import { checkGlob } from '../../input/glob.ts'
import type { Opening } from './cluster.ts'

/** An opening as a client gives it. */
export interface OpeningInput {
  readonly clusterNamespaces: string
  readonly namespaces?: string | null | undefined
}

/** Characters of a kubeconfig, which may contain several certificates and keys. */
export const MAX_KUBECONFIG = 256 * 1024
const MAX_OPENINGS = 100
const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/

/** Returns the name of a new cluster. Throws InvalidInputError. */
export function checkClusterName(name: string): string {
  if (NAME.test(name)) return name
  throw new InvalidInputError(
    'name',
    `${quoted(name)} is not a name of a cluster: 1 to 63 lower case letters, digits, "-" and ".", which begin and end with a letter or a digit`,
  )
}

/** Returns the openings in their stored form. Throws InvalidInputError. */
export function checkOpenings(inputs: readonly OpeningInput[]): Opening[] {
  if (inputs.length > MAX_OPENINGS) throw invalid('openings', `has more than ${MAX_OPENINGS} items`)
  return inputs.map(({ clusterNamespaces, namespaces }, at) => ({
    clusterNamespaces: checkGlob(clusterNamespaces, `openings.${at}.clusterNamespaces`) ?? '*',
    namespaces: checkGlob(namespaces, `openings.${at}.namespaces`) ?? null,
  }))
}

/** Throws InvalidInputError for a kubeconfig that is too large. */
export function checkKubeconfigLength(kubeconfig: string): void {
  if (kubeconfig.length <= MAX_KUBECONFIG) return
  throw invalid('kubeconfig', `has ${kubeconfig.length} characters; at most ${MAX_KUBECONFIG} are allowed`)
}
