import { execFile } from 'node:child_process'
import { isObject } from '../../oci/descriptor.ts'
import { CredentialsError } from './credentials-error.ts'

/** What a helper keeps for a server; the username `<token>` marks an identity token. */
interface HelperLogin {
  readonly username: string
  readonly secret: string
}

/** Asks the helper of this name for a server's login; undefined when it has none. Throws CredentialsError. */
export type HelperRun = (name: string, server: string) => Promise<HelperLogin | undefined>

const TIMEOUT = 15_000
const MAX_OUTPUT = 1024 * 1024
const NOT_FOUND = /credentials not found/i

/** Runs `docker-credential-<name> get`. Source: docker/docker-credential-helpers, the helper protocol. */
export const runHelper: HelperRun = (name, server) =>
  new Promise((resolve, reject) => {
    // a name, not a path: the file that names it must not choose the program
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name)) {
      reject(new CredentialsError('the credentials file names a helper that is no name'))
      return
    }
    const options = { timeout: TIMEOUT, maxBuffer: MAX_OUTPUT }
    const helper = execFile(`docker-credential-${name}`, ['get'], options, (error, output) => {
      if (error && NOT_FOUND.test(output)) resolve(undefined)
      else if (error) reject(new CredentialsError(`the credential helper "${name}" failed`))
      else resolve(parseLogin(output))
    })
    // a helper that ended before it read tells so by its exit code
    helper.stdin?.on('error', () => {})
    helper.stdin?.end(server)
  })

const parseLogin = (output: string): HelperLogin | undefined => {
  try {
    const json: unknown = JSON.parse(output)
    if (!isObject(json) || typeof json.Username !== 'string' || typeof json.Secret !== 'string')
      return undefined
    return json.Secret === '' ? undefined : { username: json.Username, secret: json.Secret }
  } catch {
    return undefined
  }
}
