import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { InvalidInputError } from '../../src/input/errors.ts'
import { parseKubeconfig } from '../../src/kubernetes/client/kubeconfig.ts'
import { serviceAccountConnection } from '../../src/kubernetes/client/service-account.ts'
import { createAuthority } from '../fixtures/certificates.ts'

const SECRET = 'canary-of-the-token'
const now = Date.now()
const base64 = (text: string) => Buffer.from(text).toString('base64')

interface Parts {
  readonly cluster?: object
  readonly user?: object
  readonly more?: object
}

const kubeconfig = ({ cluster, user = { token: SECRET }, more }: Parts = {}): string =>
  stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'one', cluster: { server: 'https://api.example:6443', ...cluster } },
      { name: 'two', cluster: { server: 'https://two.example/k8s/clusters/c-1/' } },
    ],
    contexts: [
      { name: 'first', context: { cluster: 'one', user: 'me' } },
      { name: 'second', context: { cluster: 'two' } },
      { name: 'broken', context: { cluster: 'three', user: 'me' } },
    ],
    users: [{ name: 'me', user }],
    'current-context': 'first',
    ...more,
  })
const parse = (text: string, context: string | null = null) => parseKubeconfig(text, { context, now })

describe('a kubeconfig', () => {
  test('is read at its current context, or at a named one', () => {
    const first = parse(kubeconfig())
    const second = parse(kubeconfig(), 'second')

    expect(first).toEqual({
      server: 'https://api.example:6443',
      ca: null,
      insecure: false,
      credential: { kind: 'TOKEN', token: SECRET },
      client: null,
      proxy: null,
    })
    expect(second).toMatchObject({ server: 'https://two.example/k8s/clusters/c-1', credential: null })
  })

  test('may be JSON', () => {
    const { server } = parse(
      JSON.stringify({
        clusters: [{ name: 'a', cluster: { server: 'https://a.example' } }],
        contexts: [{ name: 'a', context: { cluster: 'a' } }],
        'current-context': 'a',
      }),
    )
    expect(server).toBe('https://a.example')
  })

  test('may contain certificates, a login, and a proxy', async () => {
    const authority = await createAuthority()
    const { key, cert } = await authority.issueClient('me')
    const cluster = {
      'certificate-authority-data': base64(authority.ca),
      'proxy-url': 'http://proxy.example:3128',
    }
    const user = { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) }
    const connection = parse(kubeconfig({ cluster, user }))
    const login = parse(kubeconfig({ user: { username: 'me', password: 'secret' } }))

    expect(connection.ca?.trim()).toBe(authority.ca.trim())
    expect(connection.client?.certificate.trim()).toBe(cert.trim())
    expect(connection.client?.key).toContain('PRIVATE KEY')
    expect(connection.proxy).toEqual({ url: 'http://proxy.example:3128', authorization: null })
    expect(login.credential).toEqual({ kind: 'BASIC', username: 'me', password: 'secret' })
  })

  test.each([
    [
      'a program',
      { user: { exec: { command: 'aws' } } },
      'runs a program to log in: create a service account',
    ],
    ['an old login', { user: { 'auth-provider': { name: 'gcp' } } }, 'create a service account'],
    ['the file of a token', { user: { tokenFile: '/run/token' } }, 'put its token in users[].user.token'],
    [
      'the file of an authority',
      { cluster: { 'certificate-authority': '/ca.crt' } },
      'certificate-authority-data',
    ],
    ['the file of a certificate', { user: { 'client-certificate': '/me.crt' } }, 'client-certificate-data'],
    ['the file of a key', { user: { 'client-key': '/me.key' } }, 'client-key-data'],
    ['another user', { user: { token: SECRET, as: 'admin' } }, 'credential of a service account'],
    ['another name', { cluster: { 'tls-server-name': 'x' } }, 'set server to that name'],
    ['a key alone', { user: { 'client-key-data': 'eA==' } }, 'both client-certificate-data and'],
    [
      'no certificate',
      { cluster: { 'certificate-authority-data': 'eA==' } },
      'one or more certificates in PEM',
    ],
    ['no server', { cluster: { server: 'api.example' } }, 'must be a URL such as'],
    ['a login in its server', { cluster: { server: `https://me:${SECRET}@a.example` } }, 'must be a URL'],
    ['no TLS', { cluster: { server: 'http://a.example' } }, 'must begin with https://'],
    ['a SOCKS proxy', { cluster: { 'proxy-url': 'socks5://a:1080' } }, 'must be http:// without a login'],
    ['a token with a line break', { user: { token: `${SECRET}\nx: y` } }, 'spaces or control characters'],
    ['no context', { more: { 'current-context': '' } }, 'has no current-context'],
    [
      'an unknown context',
      { more: { 'current-context': 'x' } },
      'has no context "x": it has "first", "second"',
    ],
    ['an unknown cluster', { more: { 'current-context': 'broken' } }, 'has no cluster "three"'],
    ['wrong types', { more: { contexts: 'many' } }, 'has no context "first": it has none'],
  ] satisfies [string, Parts, string][])(
    'with %s is refused, and the error says what to supply',
    (_, parts, message) => {
      expect(() => parse(kubeconfig(parts))).toThrow(InvalidInputError)
      expect(() => parse(kubeconfig(parts))).toThrow(message)
      expect(() => parse(kubeconfig(parts))).not.toThrow(SECRET)
    },
  )

  test.each([
    ['text', `token: "${SECRET}`],
    ['a list', `- ${SECRET}`],
    ['aliases', `a: &a ${SECRET}\nclusters: [*a]`],
    ['depth', '['.repeat(100_000)],
    ['size', `clusters: []\n${`# ${SECRET}\n`.repeat(50_000)}`],
  ])('that is no kubeconfig is refused without a quotation: %s', (_, text) => {
    expect(() => parse(text)).toThrow(/^kubeconfig must /)
    expect(() => parse(text)).not.toThrow(SECRET)
  })
})

describe('the service account of a pod', () => {
  test('is used with its token file and the authority of its cluster', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'account-'))
    const { ca } = await createAuthority()
    await writeFile(join(folder, 'ca.crt'), ca)
    const connection = await serviceAccountConnection({ host: 'fd00::1', port: '6443', folder })

    expect(connection).toMatchObject({
      server: 'https://[fd00::1]:6443',
      credential: { kind: 'TOKEN_FILE', path: join(folder, 'token') },
    })
    expect(connection.ca?.trim()).toBe(ca.trim())
    await rm(folder, { recursive: true })
  })

  test('is missing outside of a cluster, and without its files', async () => {
    const folder = '/nonexistent'
    await expect(serviceAccountConnection({ host: undefined, port: undefined, folder })).rejects.toThrow(
      'does not run in a cluster: supply a kubeconfig',
    )
    await expect(serviceAccountConnection({ host: '10.0.0.1', port: '443', folder })).rejects.toThrow(
      'has no service account',
    )
  })
})
