import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { startChromium } from '../fixtures/chromium.ts'
import { eventually } from '../fixtures/eventually.ts'
import { startOidcProvider } from '../fixtures/oidc-provider.ts'
import { missingPrograms } from '../fixtures/programs.ts'

const missing = missingPrograms('chromium')

describe.skipIf(missing !== undefined)(`a real browser${missing ? `: ${missing}` : ''}`, () => {
  it('signs in with a provider, allows a program, and is sent on to the address of the program', async () => {
    await using provider = await startOidcProvider()
    await using server = await startApp({
      signIn: 'oidc',
      oidcIssuer: new URL(provider.issuer),
      oidcClientId: 'streams',
    })
    const received: string[] = []
    const program = createServer((request, response) => {
      received.push(request.url ?? '')
      response.end('signed in')
    }).listen(0, '127.0.0.1')
    await once(program, 'listening')
    const parameters = new URLSearchParams({
      redirect_uri: `http://127.0.0.1:${(program.address() as AddressInfo).port}/`,
      state: 's-1',
      code_challenge: 'c'.repeat(43),
      code_challenge_method: 'S256',
    })
    await using page = await startChromium()
    await page.open(`${server.app.url.replace('127.0.0.1', 'localhost')}/sign-in/command-line?${parameters}`)
    await page.until('document.body.textContent.includes("act as johndoe")')
    await page.click('document.querySelector("button[value=allow]")')
    await eventually(() => expect(received[0]).toMatch(/^\/\?code=iso_\w+&state=s-1$/))
    expect(page.problems).toEqual([])
    program.close()
  })
})
