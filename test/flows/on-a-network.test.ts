import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { missingPrograms, runProgram } from '../fixtures/programs.ts'

const PAGE = readFileSync(new URL('../../src/access/on-a-network.md', import.meta.url), 'utf8')
const commands = [...PAGE.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) => text)

test.skipIf(missingPrograms('bash', 'curl', 'jq') !== undefined)(
  'each command of "On a network in ten minutes" does what the page says',
  async () => {
    await using server = await startApp({ signIn: 'tokens' })
    const { url, firstAdminLink } = server.app
    const code = new URL(firstAdminLink ?? '').searchParams.get('code') ?? ''
    const script = ['set -euo pipefail', ...commands, 'echo; echo "$TOKEN"']
      .join('\n')
      .replaceAll('https://streams.example.org', url)
      .replaceAll('iso_CODE', code)

    const stdout = await runProgram('bash', ['-c', script])
    expect(commands.length).toBeGreaterThan(5)
    expect(stdout).toContain('"rights":["VIEW","PULL","PUSH","CREATE"]')
    expect(stdout).toContain('"grantRole":{"grant":{"place":"public/*","role":"PULLER"}}')
    expect(stdout).toContain('imagestreams_database_bytes{')
    expect(stdout).toMatch(/"name":"ci of team","revokedAt":"\d/)
    expect(stdout).not.toContain('"errors"')

    // the code works once, and the revoked token no more
    const again = await fetch(`${url}/sign-in/first-admin`, {
      method: 'POST',
      body: new URLSearchParams({ code }),
    })
    expect(again.status).toBe(401)
    const token = stdout.trim().split('\n').at(-1) ?? ''
    const refused = await fetch(`${url}/graphql?query={__typename}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(refused.status).toBe(401)
  },
)
