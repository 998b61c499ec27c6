import { execFile } from 'node:child_process'
import { isObject, parseJson } from '../../oci/json.ts'
import { CredentialsError } from './credentials.ts'

/** The login that a helper stores for a server; the username `<token>` marks an identity token. */
interface HelperLogin {
  readonly username: string
  readonly secret: string
}

/** Returns a server's login from the helper of this name; undefined when it has none. Throws CredentialsError. */
export type HelperRun = (name: string, server: string) => Promise<HelperLogin | undefined>

/** Milliseconds. */
const TIMEOUT = 15_000
/** Bytes. */
const MAX_OUTPUT = 1024 * 1024
const NOT_FOUND = /credentials not found/i

/** Runs `docker-credential-<name> get`. Source: docker/docker-credential-helpers, the helper protocol. */
export const runHelper: HelperRun = (name, server) =>
  new Promise((resolve, reject) => {
    // a name without a path: the credentials file must not select an arbitrary program
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name)) {
      reject(new CredentialsError('the credentials file contains an invalid name of a credential helper'))
      return
    }
    const options = { timeout: TIMEOUT, maxBuffer: MAX_OUTPUT }
    const helper = execFile(`docker-credential-${name}`, ['get'], options, (error, output) => {
      if (error && NOT_FOUND.test(output)) resolve(undefined)
      else if (error) reject(new CredentialsError(`the credential helper "${name}" failed`))
      else resolve(parseLogin(output))
    })
    // the exit code reports a helper that ended without reading its input
    helper.stdin?.on('error', () => {})
    helper.stdin?.end(server)
  })

const parseLogin = (output: string): HelperLogin | undefined => {
  const json = parseJson(output)
  if (!isObject(json) || typeof json.Username !== 'string' || typeof json.Secret !== 'string')
    return undefined
  return json.Secret === '' ? undefined : { username: json.Username, secret: json.Secret }
}
