import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { Delivery } from '../../src/vendors/delivery/delivery.ts'
import { createSenders, SENDER_KINDS, type SenderKind } from '../../src/vendors/senders.ts'
import { available, startDockerRegistry } from '../fixtures/docker-registry.ts'
import { missingPrograms } from '../fixtures/programs.ts'
import { image as randomImage } from '../fixtures/random-image.ts'
import { deliver, noSettings, place, senders } from './deliveries.ts'

const SECRET = 'a-secret_of-This-Test-0123456789'
const here = createSenders({ fetchKeys: () => Promise.reject(), now: Date.now })

/** A server that stores all requests in order. */
async function startSink() {
  const taken: Delivery[] = []
  const waiting: ((delivery: Delivery) => void)[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const url = new URL(request.url ?? '/', 'http://sink')
    const delivery: Delivery = {
      method: request.method ?? '',
      headers: Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      ),
      query: url.searchParams,
      body: Buffer.concat(chunks),
    }
    response.end()
    const next = waiting.shift()
    if (next) next(delivery)
    else taken.push(delivery)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/k`,
    next: (): Promise<Delivery> => {
      const delivery = taken.shift()
      return delivery ? Promise.resolve(delivery) : new Promise((resolve) => waiting.push(resolve))
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const stepsOf = (kind: SenderKind, url = place('').url): readonly string[] =>
  here[kind].setUp({ url, secret: SECRET, settings: { ...noSettings, serviceAccount: 'push@p.example' } })

const authenticate = (kind: SenderKind, delivery: Delivery) =>
  here[kind].authenticate(delivery, [SECRET], { url: '', settings: noSettings })

describe.each(SENDER_KINDS)('the steps for %s', (kind) => {
  it('contain the URL, and the secret if there is one', () => {
    const steps = stepsOf(kind).join('\n')

    expect(steps).toContain(place('').url)
    expect(steps.includes(SECRET)).toBe(senders[kind].authenticity !== 'JWT')
    expect(steps).not.toMatch(/undefined|null|\[object/)
  })

  it('have the secret in the URL only if the sender cannot send it elsewhere', () => {
    expect(stepsOf(kind).join('\n').includes(`?secret=${SECRET}`)).toBe(senders[kind].authenticity === 'URL')
  })
})

describe('the documents of the vendors', () => {
  const vendors = new URL('../../src/vendors/', import.meta.url)
  const readme = readdirSync(vendors, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('README.md'))
    .map((path) => readFileSync(new URL(path, vendors), 'utf8'))
    .join('\n')
  /** Returns the text without Markdown marks and line breaks. */
  const bare = (text: string): string => text.replace(/^- |`/gm, '').replace(/\s+/g, ' ')
  const url = 'https://streams.example.com/webhooks/KEY'
  const settings = { ...noSettings, serviceAccount: 'imagestreams@PROJECT.iam.gserviceaccount.com' }

  it.each(SENDER_KINDS)('have a section about %s with the same steps', (kind) => {
    const { title } = senders[kind]
    const section = readme.split(/^#+ /m).find((text) => text.startsWith(`Webhook: ${title}\n`)) ?? ''

    const steps = senders[kind].setUp({ url, secret: 'SECRET', settings })
    // the description of `setUp` has this limit
    expect(steps.length).toBeLessThanOrEqual(10)
    for (const step of steps) {
      expect(bare(section)).toContain(bare(step))
    }
    expect(section).toContain('Verified: ')
  })
})

describe('the steps work', () => {
  const missingRegistry = available()
  // older versions do not support --version
  const hasOpenssl = spawnSync('bash', ['-c', 'openssl version']).status === 0
  const missingShell = missingPrograms('bash', 'curl') ?? (hasOpenssl ? undefined : 'openssl not installed')

  it.skipIf(missingRegistry !== undefined)(
    `a docker-registry with this configuration is authenticated and reports the pushed tag ${missingRegistry ?? ''}`,
    async () => {
      await using sink = await startSink()
      const { notifications } = parse(stepsOf('DISTRIBUTION', sink.url)[1] ?? '')
      await using registry = await startDockerRegistry('open', { endpoints: notifications.endpoints })
      const content = randomImage({ seed: 1 })
      await registry.push('shop/web', 'v1', content)

      // blobs and pulls are not sent: the first event is that of the manifest
      const delivery = await sink.next()
      expect(await authenticate('DISTRIBUTION', delivery)).toEqual({ ok: true })
      expect(here.DISTRIBUTION.read(delivery, noSettings).hints).toEqual([
        {
          registry: registry.host,
          repository: 'shop/web',
          tag: 'v1',
          digest: content.digest,
          action: 'push',
        },
      ])
    },
  )

  it.skipIf(missingShell !== undefined)(
    `a script with these commands is authenticated, with the secret or a signature ${missingShell ?? ''}`,
    async () => {
      await using sink = await startSink()
      const scripts = stepsOf('GENERIC', sink.url).filter((step) => step.includes('curl -fsS'))
      expect(scripts).toHaveLength(2)

      for (const script of scripts) {
        await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script])
        const delivery = await sink.next()
        expect(await authenticate('GENERIC', delivery)).toEqual({ ok: true })
        expect(here.GENERIC.read(delivery, noSettings).hints).toMatchObject([
          { registry: 'registry.example.com', repository: 'team/app', tag: 'v1' },
        ])
        expect(delivery.headers.authorization === undefined).toBe(
          delivery.headers['webhook-signature'] !== undefined,
        )
      }
    },
  )

  it('zot’s configuration is JSON, and its credentials are accepted as zot sends them', async () => {
    const { extensions } = JSON.parse(stepsOf('ZOT')[1] ?? '')
    const [{ address, credentials }] = extensions.events.sinks
    const basic = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')

    expect(address).toBe(place('').url)
    expect(await authenticate('ZOT', deliver({}, { authorization: `Basic ${basic}` }))).toEqual({ ok: true })
  })

  it('EventBridge’s connection is JSON, and its password is accepted', async () => {
    const [connection = ''] = stepsOf('ECR')
    const { BasicAuthParameters: basic } = JSON.parse(/'(\{.*\})'/.exec(connection)?.[1] ?? '')
    const pair = Buffer.from(`${basic.Username}:${basic.Password}`).toString('base64')

    expect(await authenticate('ECR', deliver({}, { authorization: `Basic ${pair}` }))).toEqual({ ok: true })
  })

  it('the headers of GitLab, Azure and Harbor are accepted', async () => {
    const gitlab = /'Authorization' => \['(.*?)'\]/.exec(stepsOf('GITLAB').join('\n'))?.[1] ?? ''
    const azure = /--headers "Authorization=(.*?)"/.exec(stepsOf('AZURE').join('\n'))?.[1] ?? ''
    const harbor = /Auth Header (.*)$/m.exec(stepsOf('HARBOR').join('\n'))?.[1] ?? ''

    expect(await authenticate('GITLAB', deliver({}, { authorization: gitlab }))).toEqual({ ok: true })
    expect(await authenticate('AZURE', deliver({}, { authorization: azure }))).toEqual({ ok: true })
    expect(await authenticate('HARBOR', deliver({}, { authorization: harbor }))).toEqual({ ok: true })
  })

  it('Google’s subscription has the account and the audience that tokens are verified for', () => {
    const [, , command = ''] = stepsOf('GOOGLE')
    expect(command).toContain('--push-auth-service-account=push@p.example')
    expect(command).toContain(`--push-auth-token-audience=${place('').url}`)
  })
})
