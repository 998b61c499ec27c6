/** Returns the host that requests to a registry are sent to. */
export const apiHostOf = (registry: string): string =>
  registry === 'docker.io' ? 'registry-1.docker.io' : registry.toLowerCase()

/** Returns the registry's name, as references spell it, for a host that requests are sent to. */
export const registryOf = (host: string): string => (host === apiHostOf('docker.io') ? 'docker.io' : host)

/** Reports whether the host name always denotes this machine. */
export const isLoopbackHost = (host: string): boolean => {
  if (!URL.canParse(`http://${host}`)) return false
  const { hostname } = new URL(`http://${host}`)
  return /^(?:127(?:\.\d+){3}|\[::1\]|(?:.+\.)?localhost\.?)$/.test(hostname)
}
