import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import WebSocket from 'ws'
import { type Config, readConfig } from '../../src/app/config.ts'
import { startApp } from '../fixtures/app.ts'
import { createAuthority } from '../fixtures/certificates.ts'
import { missingNginx, startNginx } from '../fixtures/nginx.ts'
import { missingPrograms, runProgram } from '../fixtures/programs.ts'
import { cannotLogin } from '../fixtures/registry-login.ts'

const PAGE = readFileSync(new URL('../../src/access/on-a-network.md', import.meta.url), 'utf8')
const blocks = (language: string): string[] =>
  [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text = '']) => text)
const missing = [missingPrograms('bash', 'curl', 'jq'), missingNginx()].filter(Boolean).join(' and ')

test.skipIf(missing !== '')(
  `each command of "On a network in ten minutes" does what the page says${missing && `: ${missing}`}`,
  async () => {
    const port = await freePort()
    const origin = `https://localhost:${port}`
    const named = (text: string): string =>
      text
        .replaceAll('https://streams.example.org', origin)
        .replaceAll('streams.example.org', `localhost:${port}`)

    await using server = await startApp(settingsOf(named(blocks('')[0] ?? '')))
    const authority = await createAuthority()
    const certificate = await authority.issue(['localhost'])
    await using proxy = await startNginx(blocks('nginx')[0] ?? '', { port, to: server.app.url, certificate })
    const home = proxy.folder
    const ca = join(home, 'ca.pem')
    await writeFile(ca, authority.ca)

    const { firstAdminLink } = server.app
    expect(firstAdminLink).toContain(`${origin}/sign-in/first-admin?code=`)
    const code = new URL(firstAdminLink ?? '').searchParams.get('code') ?? ''
    const commands = blocks('sh').filter((text) => cannotLogin() === undefined || !text.includes('docker'))
    expect(commands.length).toBeGreaterThan(7)
    const script = ['set -euo pipefail', ...commands, 'echo; echo "$TOKEN"'].join('\n')
    const stdout = await runProgram('bash', ['-c', named(script).replaceAll('iso_CODE', code)], {
      ...{ HOME: home, DOCKER_CONFIG: home, CURL_CA_BUNDLE: ca, SSL_CERT_FILE: ca },
    })
    if (cannotLogin() === undefined) expect(stdout).toContain('Login Succeeded')
    expect(stdout).toContain('"rights":["VIEW","PULL","PUSH","CREATE"]')
    expect(stdout).toContain('"grantRole":{"grant":{"place":"public/*","role":"PULLER"}}')
    expect(stdout).toContain('"grantRole":{"grant":{"place":"team/*","role":"EDITOR"}}')
    expect(stdout).toContain('imagestreams_database_bytes{')
    expect(stdout).toMatch(/"name":"ci of team","revokedAt":"\d/)
    expect(stdout).not.toContain('"errors"')

    // the code works once, and the revoked token no more
    const { url } = server.app
    const body = new URLSearchParams({ code })
    expect((await fetch(`${url}/sign-in/first-admin`, { method: 'POST', body })).status).toBe(401)
    const token = stdout.trim().split('\n').at(-1) ?? ''
    const authorization = `Bearer ${token}`
    const refused = await fetch(`${url}/graphql?query={__typename}`, { headers: { authorization } })
    expect(refused.status).toBe(401)
    expect(await closeCodeOf(`wss://localhost:${port}/graphql`, authorization, authority.ca)).toBe(4403)
  },
)

/** Returns a port that no program uses. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** Returns the settings of a command that starts the server, apart from its port and folder. */
function settingsOf(command: string): Partial<Config> {
  const args = command.replaceAll('\\\n', ' ').trim().split(/\s+/)
  expect(args.splice(0, 3)).toEqual(['npm', 'start', '--'])
  const { port: _port, dataFolder: _folder, ...settings } = readConfig(args, {}) ?? {}
  return settings
}

/** Returns the code with which a WebSocket is closed after it presents a credential. */
function closeCodeOf(url: string, authorization: string, ca: string): Promise<number> {
  const socket = new WebSocket(url, 'graphql-transport-ws', { ca })
  socket.on('open', () =>
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } })),
  )
  return new Promise((resolve, reject) => {
    socket.on('close', resolve)
    socket.on('error', reject)
  })
}
