import { parse } from 'yaml'
import type { ClientCertificate, HttpProxy } from '../../egress/route.ts'
import { checkCertificates, checkClientCertificate } from '../../input/certificate.ts'
import { InvalidInputError, invalid, quoted } from '../../input/errors.ts'
import { isObject, type Json, textOf } from '../../oci/json.ts'
import { type ClusterConnection, type ClusterCredential, isToken } from './connection.ts'

/** Characters: kubeconfigs of many clusters have some hundred kilobytes. */
const MAX_LENGTH = 512 * 1024
const FIELD = 'kubeconfig'

/** What is read besides the text. */
interface KubeconfigOptions {
  /** Name of the context; `current-context` if it is null. */
  readonly context: string | null
  /** Milliseconds since 1970. */
  readonly now: number
}

/**
 * Returns the connection of one context of a kubeconfig, in YAML or JSON. It must contain what it uses: files and programs of
 * the machine that it comes from are refused. Throws InvalidInputError, whose message says what to supply instead and contains
 * no secret. Source: k8s.io/client-go/tools/clientcmd/api/v1.
 */
export function parseKubeconfig(text: string, { context, now }: KubeconfigOptions): ClusterConnection {
  const config = parseYamlObject(text)
  const name = context ?? textOf(config['current-context'])
  if (name === '') throw invalid(FIELD, 'has no current-context: name the context to use')
  const { cluster: clusterName, user: userName } = entryOf(config, 'context', name)
  const cluster = entryOf(config, 'cluster', textOf(clusterName))
  // a context without a user has no credential
  const user = textOf(userName) === '' ? {} : entryOf(config, 'user', textOf(userName))
  refuseWhatIsElsewhere(cluster, user)
  const connection = {
    server: serverOf(cluster),
    ca: authorityOf(cluster),
    insecure: cluster['insecure-skip-tls-verify'] === true,
    credential: credentialOf(user),
    client: clientOf(user, now),
    proxy: proxyOf(cluster),
  }
  check(connection)
  return connection
}

function parseYamlObject(text: string): Json {
  if (text.length > MAX_LENGTH) throw invalid(FIELD, `must have at most ${MAX_LENGTH} characters`)
  let value: unknown
  try {
    value = parse(text, { maxAliasCount: 0, uniqueKeys: false, logLevel: 'silent' })
  } catch {
    // no cause: the parser's message quotes the text, which has secrets
    throw invalid(
      FIELD,
      'must be YAML or JSON without aliases: the output of kubectl config view --raw --flatten',
    )
  }
  if (!isObject(value) || !Array.isArray(value.clusters)) {
    throw invalid(FIELD, 'must have clusters: the output of kubectl config view --raw --flatten')
  }
  return value
}

/** Returns the content of `clusters[]`, `contexts[]` or `users[]` with this name. */
function entryOf(config: Json, noun: 'cluster' | 'context' | 'user', name: string): Json {
  const entries = config[`${noun}s`]
  const list = Array.isArray(entries) ? entries.filter(isObject) : []
  const entry = list.find((one) => one.name === name)?.[noun]
  if (isObject(entry)) return entry
  const known = list.map((one) => quoted(textOf(one.name))).slice(0, 10)
  throw invalid(FIELD, `has no ${noun} ${quoted(name)}: it has ${known.join(', ') || 'none'}`)
}

const ASK_FOR_TOKEN =
  'create a service account, and put its token in users[].user.token (kubectl create token NAME --duration=8760h)'
const PASTE_FILE = (field: string): string =>
  `put the content of the file in ${field} (kubectl config view --raw --flatten does it)`

/** Fields that name files, programs or rights that this server does not have, with what to supply instead. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  exec: `runs a program to log in: ${ASK_FOR_TOKEN}`,
  'auth-provider': `uses the removed auth-provider to log in: ${ASK_FOR_TOKEN}`,
  tokenFile: `names the file of a token, which is on another machine: ${ASK_FOR_TOKEN}`,
  'certificate-authority': `names a file on another machine: ${PASTE_FILE('certificate-authority-data')}`,
  'client-certificate': `names a file on another machine: ${PASTE_FILE('client-certificate-data')}`,
  'client-key': `names a file on another machine: ${PASTE_FILE('client-key-data')}`,
  as: 'acts as another user: use the credential of a service account with the rights that are needed',
  'tls-server-name':
    'expects the certificate of another name: set server to that name, or a name in the certificate',
}

function refuseWhatIsElsewhere(...parts: readonly Json[]): void {
  for (const part of parts) {
    // inline data has precedence over the file
    const found = Object.keys(ELSEWHERE).find((field) => part[field] && !part[`${field}-data`])
    if (found) throw invalid(FIELD, `has ${found}, which ${ELSEWHERE[found]}`)
  }
}

function serverOf({ server }: Json): string {
  const url = URL.canParse(textOf(server)) ? new URL(textOf(server)) : undefined
  const isPlain = url && url.username === '' && url.password === '' && url.search === '' && url.hash === ''
  if (!isPlain || !['https:', 'http:'].includes(url.protocol)) {
    throw invalid(FIELD, 'has no valid server: it must be a URL such as https://api.example:6443')
  }
  return url.href.replace(/\/+$/, '')
}

const decoded = (data: unknown): string | undefined =>
  textOf(data) === '' ? undefined : Buffer.from(textOf(data), 'base64').toString()

function authorityOf(cluster: Json): string | null {
  const pem = decoded(cluster['certificate-authority-data'])
  return pem === undefined ? null : checkCertificates(pem, `${FIELD}.certificate-authority-data`)
}

function clientOf(user: Json, now: number): ClientCertificate | null {
  const certificate = decoded(user['client-certificate-data'])
  const key = decoded(user['client-key-data'])
  if (certificate === undefined && key === undefined) return null
  if (certificate === undefined || key === undefined) {
    throw invalid(FIELD, 'must have both client-certificate-data and client-key-data, or neither')
  }
  return checkClientCertificate({ certificate, key }, { field: `${FIELD}.client-certificate-data`, now })
}

function credentialOf({ token, username, password }: Json): ClusterCredential | null {
  if (textOf(token) !== '') {
    if (!isToken(textOf(token))) throw invalid(FIELD, 'has a token with spaces or control characters')
    return { kind: 'TOKEN', token: textOf(token) }
  }
  if (textOf(username) === '') return null
  return { kind: 'BASIC', username: textOf(username), password: textOf(password) }
}

function proxyOf({ 'proxy-url': proxy }: Json): HttpProxy | null {
  if (textOf(proxy) === '') return null
  const url = URL.canParse(textOf(proxy)) ? new URL(textOf(proxy)) : undefined
  if (url?.protocol !== 'http:' || url.username !== '' || url.password !== '') {
    throw invalid(FIELD, 'has a proxy-url that is not supported: it must be http:// without a login')
  }
  return { url: url.origin, authorization: null }
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']

function check({ server, ca, insecure, credential, client }: ClusterConnection): void {
  const { protocol, hostname } = new URL(server)
  if (protocol === 'http:' && (credential || client) && !LOOPBACK.includes(hostname)) {
    throw invalid(FIELD, 'would send its credential without TLS: server must begin with https://')
  }
  if (insecure && ca !== null) {
    throw new InvalidInputError(
      FIELD,
      `${FIELD} has both insecure-skip-tls-verify and certificate-authority-data: leave one out`,
    )
  }
}
