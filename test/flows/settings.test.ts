import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/app/config.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { image } from '../fixtures/random-image.ts'
import { buildServer, type ServerBuild } from '../fixtures/server-process.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { eventStream } from '../http/clients.ts'
import { Follower } from './follower.ts'
import { createStream, endOfLog } from './operations.ts'

let build: ServerBuild
let folder: string
beforeAll(async () => {
  build = await buildServer()
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-settings-'))
  writeFileSync(join(folder, 'not-pem.txt'), 'no certificate')
})
afterAll(async () => {
  await build[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

let folders = 0
const newDataFolder = (): string => join(folder, `data-${folders++}`)

describe('settings', () => {
  test('have defaults that open the server only to this machine and keep everything', () => {
    expect(readConfig([], {})).toMatchObject({
      host: '127.0.0.1',
      port: 4000,
      openToEverybody: false,
      dockerConfig: null,
      maximumTags: null,
      pushLogDays: null,
      importMode: 'Legacy',
      scheduleMinutes: 15,
      scheduledImportsPerMinute: 60,
      fullSweepHours: 24,
    })
  })

  test('are read from flags before the environment', () => {
    const environment = { IMAGESTREAMS_PORT: '1', IMAGESTREAMS_MAXIMUM_TAGS: '7' }

    expect(readConfig(['--port', '2'], environment)).toMatchObject({ port: 2, maximumTags: 7 })
  })

  test.each(['0.0.0.0', '::', '192.168.1.5', 'registry.example.org'])(
    'refuse to listen on %s without a confirmation that every client may connect',
    (host) => {
      expect(() => readConfig(['--host', host], {})).toThrow(/open-to-everybody/)
      expect(readConfig(['--host', host, '--open-to-everybody', 'true'], {})).toMatchObject({ host })
    },
  )

  test.each(['127.0.0.1', '127.8.8.8', '::1', 'localhost'])('permit to listen on %s', (host) => {
    expect(readConfig(['--host', host], {})).toMatchObject({ host })
  })

  test.each([
    ['port', '65536', 'a whole number from 0 to 65535'],
    ['port', '', 'a whole number'],
    ['port', '4e3', 'a whole number'],
    ['open-to-everybody', 'yes', 'true or false'],
    ['import-mode', 'legacy', 'Legacy or PreserveOriginal'],
    ['maximum-tags', '0', 'a whole number from 1'],
    ['requests-per-registry', '1000', 'a whole number from 1 to 100'],
    ['schedule-minutes', '0', 'a whole number from 1 to 10080'],
    ['schedule-minutes', '10081', 'a whole number from 1 to 10080'],
    ['scheduled-imports-per-minute', '0', 'a whole number from 1 to 6000'],
    ['push-log-days', '-1', 'a whole number from 1'],
    ['log-level', 'loud', 'trace or debug'],
    ['ca-file', '/nowhere/ca.pem', 'a file of PEM certificates'],
    ['allowed-origins', 'ci.example.org', 'origins like https://ci.example.org'],
    ['allowed-origins', 'https://ci.example.org/', 'origins like https://ci.example.org'],
    ['registry-host', 'https://registry.example.org', 'a host with an optional port'],
    ['registry-host', 'registry.example.org/team', 'a host with an optional port'],
    ['maximum-blob-gib', '0', 'a whole number from 1 to 1024'],
    ['keep-tag-revisions', '0', 'a whole number from 1'],
    ['external-registry', 'registry.example.org', 'an origin like https://registry.example.org:5000'],
    ['external-registry', 'https://registry.example.org/v2', 'an origin like https://registry.example.org'],
  ])('report --%s and its variable for the value "%s"', (flag, value, allowed) => {
    const variable = `IMAGESTREAMS_${flag.toUpperCase().replaceAll('-', '_')}`

    for (const read of [
      () => readConfig([`--${flag}=${value}`], {}),
      () => readConfig([], { [variable]: value }),
    ]) {
      expect(read).toThrow(`--${flag} (${variable}) is "${value}"; it must be ${allowed}`)
    }
  })

  test('report a secret that is too short, without printing it', () => {
    expect(() => readConfig(['--webhook-secret', 'swordfish'], {})).toThrow(
      '--webhook-secret (IMAGESTREAMS_WEBHOOK_SECRET) is too short; it must be at least 16 characters',
    )
  })

  test('require the notification secret of an external registry', () => {
    const registry = ['--external-registry', 'https://registry.example.org']
    const secret = 'correct horse battery staple'

    expect(() => readConfig(registry, {})).toThrow(/needs --webhook-secret/)
    expect(readConfig(registry, { IMAGESTREAMS_WEBHOOK_SECRET: secret })).toMatchObject({
      externalRegistry: new URL('https://registry.example.org'),
      webhookSecret: secret,
    })
  })

  test('read keys from a file or the environment, never from a flag, which other users can see', () => {
    const environment = { IMAGESTREAMS_CREDENTIALS_KEY: 'swordfish' }

    expect(readConfig([], environment)).toMatchObject({
      credentialsKey: 'swordfish',
      credentialsKeyFile: null,
    })
    expect(() => readConfig(['--credentials-key', 'swordfish'], {})).toThrow(/--credentials-key/)
    expect(() => readConfig(['--credentials-key-file', 'key'], environment)).toThrow(/set one of them/)
    expect(() => readConfig(['--lost-credentials-key', 'all'], {})).toThrow(/16 hexadecimal digits/)
  })

  test('remove secrets from the environment of child processes', () => {
    process.env.IMAGESTREAMS_CREDENTIALS_KEY = 'swordfish'

    expect(readConfig([])).toMatchObject({ credentialsKey: 'swordfish' })

    expect(process.env.IMAGESTREAMS_CREDENTIALS_KEY).toBeUndefined()
  })

  test('report a file without certificates', () => {
    expect(() => readConfig(['--ca-file', join(folder, 'not-pem.txt')], {})).toThrow(
      /it must be a file of PEM/,
    )
  })

  test('report an unknown variable and an unknown flag', () => {
    expect(() => readConfig([], { IMAGESTREAMS_PROT: '1' })).toThrow(/IMAGESTREAMS_PROT is not a setting/)
    expect(() => readConfig(['--prot', '1'], {})).toThrow(/--prot/)
  })
})

describe('a server that cannot start prints one line with the reason, and exits', () => {
  const brief = (stderr: string) => {
    expect(stderr).not.toMatch(/^\s+at /m)
    return stderr
  }

  test('with 78 for an invalid key, which is not printed', async () => {
    const { end, stderr } = await build.run({ CREDENTIALS_KEY: 'swordfish', DATA: newDataFolder() })

    expect(end).toBe(78)
    expect(brief(stderr)).toContain('IMAGESTREAMS_CREDENTIALS_KEY: key 1 of 1 is invalid')
    expect(stderr).not.toContain('swordfish')
  })

  test('with 78 for an invalid setting', async () => {
    const { end, stderr } = await build.run({ PORT: 'high', DATA: newDataFolder() })

    expect(end).toBe(78)
    expect(brief(stderr)).toContain('--port (IMAGESTREAMS_PORT) is "high"')
  })

  test.each(['10.20.0.0', '10.20.0.0/16,fd12::/129'])(
    'with 78 for the invalid private networks "%s"',
    async (networks) => {
      const { end, stderr } = await build.run({
        PRIVATE_NETWORKS: networks,
        PORT: '0',
        DATA: newDataFolder(),
      })

      expect(end).toBe(78)
      expect(brief(stderr)).toMatch(/^--private-networks .*is not a network like 10\.20\.0\.0\/16\n$/)
    },
  )

  test('if another process uses its data folder', async () => {
    const DATA = newDataFolder()
    await using _owner = await build.start({ DATA })

    const { end, stderr } = await build.run({ DATA, PORT: '0' })

    expect(end).toBe(78)
    expect(brief(stderr)).toContain(`${DATA}/imagestreams.db is in use by another process`)
  })

  test('if its data folder has a database of another program, which is not changed', async () => {
    const DATA = newDataFolder()
    mkdirSync(DATA)
    writeFileSync(join(DATA, 'imagestreams.db'), 'my diary, not a database')

    const { end, stderr } = await build.run({ DATA, PORT: '0' })

    expect(end).toBe(78)
    expect(brief(stderr)).toContain('is damaged or not a database')
  })

  test('if its data folder cannot be created', async () => {
    const { end, stderr } = await build.run({ DATA: join(folder, 'not-pem.txt', 'data'), PORT: '0' })

    expect(end).not.toBe(0)
    expect(brief(stderr)).toContain('not-pem.txt')
  })

  test('if another program uses its port', async () => {
    await using upstream = await startUpstream()
    const PORT = upstream.host.split(':')[1] ?? ''

    const { end, stderr } = await build.run({ PORT, DATA: newDataFolder() })

    expect(end).toBe(1)
    expect(brief(stderr)).toMatch(/EADDRINUSE.*another program uses this port; choose one with --port/)
  })

  test('if the machine does not have its address', async () => {
    const settings = { HOST: '192.0.2.1', OPEN_TO_EVERYBODY: 'true', PORT: '0', DATA: newDataFolder() }

    const { end, stderr } = await build.run(settings)

    expect(end).toBe(1)
    expect(brief(stderr)).toMatch(/EADDRNOTAVAIL.*192\.0\.2\.1/)
  })
})

describe('a running server', () => {
  test('prints the addresses of the API and GraphiQL, and its data folder', async () => {
    const DATA = newDataFolder()
    await using server = await build.start({ DATA })

    expect(server.announced).toMatch(new RegExp(`GraphQL API +${server.url}/graphql`))
    expect(server.announced).toMatch(new RegExp(`GraphiQL +${server.url}/graphql`))
    expect(server.announced).toContain(DATA)
    expect(server.announced).not.toContain('open to everybody')
  })

  test('prints a warning if it is open to every client', async () => {
    await using server = await build.start({ DATA: newDataFolder(), OPEN_TO_EVERYBODY: 'true' })

    expect(server.announced).toContain(
      'every client that reaches this address may read and change everything',
    )
  })

  test('prints its help on request and exits', async () => {
    const { end, stdout } = await build.run({}, ['--help'])

    expect(end).toBe(0)
    for (const flag of ['--host', '--port', '--data', '--open-to-everybody']) expect(stdout).toContain(flag)
  })

  test.each(['SIGTERM', 'SIGINT'] as const)(
    `exits with 0 on %s, with subscribers, a waiting mutation and a running import`,
    async (signal) => {
      const DATA = newDataFolder()
      await using upstream = await startUpstream()
      upstream.push('team/app', 'latest', image({ seed: 1 }))
      await using server = await build.start({ DATA })
      await using client = connect(server.url)
      using follower = await Follower.start(server.url)
      const stream = await eventStream(`${server.url}/graphql`, 'subscription { imagePushed { cursor } }')
      stream.body.on('error', () => {})
      using gate = upstream.hold()
      const waiting = client.request(
        `mutation ($repository: String!) { createImageStream(input: { name: "app", waitSeconds: 300,
          spec: { dockerImageRepository: $repository } }) { import { state finishedAt } } }`,
        { repository: `${upstream.host}/team/app` },
      )
      await gate.arrived(1)

      server.kill(signal)
      const { end, stderr } = await server.ended

      expect({ end, stderr: stderr.slice(server.announced.length) }).toEqual({ end: 0, stderr: '' })
      expect(await follower.next()).toEqual({ done: true, value: undefined })
      // the response has the current state: the next start continues the import
      expect(await waiting).toMatchObject({
        createImageStream: { import: { state: 'RUNNING', finishedAt: null } },
      })
    },
  )

  test('continues an interrupted import at the next start', async () => {
    const DATA = newDataFolder()
    await using upstream = await startUpstream()
    upstream.push('team/app', 'latest', image({ seed: 1 }))
    const gate = upstream.hold()
    let since: string
    {
      await using server = await build.start({ DATA })
      await using client = connect(server.url)
      since = await endOfLog(client)
      await createStream(client, {
        spec: { dockerImageRepository: `${upstream.host}/team/app` },
        waitSeconds: 0,
      })
      await gate.arrived(1)
      server.kill('SIGTERM')
      await server.ended
    }

    gate.open()
    await using server = await build.start({ DATA })
    using follower = await Follower.start(server.url, { since })

    expect(await follower.take(1)).toMatchObject([{ imageStreamName: 'app', tag: 'latest' }])
  })
})
