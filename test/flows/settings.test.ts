import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApp, DatabaseRefusedError, SealingKeyError } from '../../src/app/app.ts'
import { type Config, ConfigError, readConfig } from '../../src/app/config.ts'
import { startApp, testConfig } from '../fixtures/app.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { image } from '../fixtures/random-image.ts'
import { buildServer, type Settings } from '../fixtures/server-process.ts'
import { startUpstream } from '../fixtures/upstream.ts'
import { eventStream } from '../http/clients.ts'
import { Follower } from './follower.ts'
import { createStream, endOfLog } from './operations.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-settings-'))
  writeFileSync(join(folder, 'not-pem.txt'), 'no certificate')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

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
      changeLogDays: null,
      importMode: 'Legacy',
      scheduleMinutes: 15,
      scheduledImportsPerMinute: 60,
      fullScanHours: 24,
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
    ['change-log-days', '-1', 'a whole number from 1'],
    ['log-level', 'loud', 'trace or debug'],
    ['ca-file', '/nowhere/ca.pem', 'a file of PEM certificates'],
    ['allowed-origins', 'ci.example.org', 'origins like https://ci.example.org'],
    ['allowed-hosts', 'https://ci.example.org', 'names like registry.example.org'],
    ['allowed-hosts', 'registry.example.org:5000', 'names like registry.example.org'],
    ['allowed-hosts', '*', 'names like registry.example.org'],
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

describe('a server cannot start', () => {
  /** The error of a start with these settings; throws if the server starts. */
  const refusalOf = async (changes: Partial<Config>): Promise<Error> => {
    const config = testConfig({ dataFolder: newDataFolder(), ...changes })
    const app = await createApp(config, { log: pino({ level: 'silent' }) }).catch((error: Error) => error)
    if (app instanceof Error) return app
    await app[Symbol.asyncDispose]()
    throw new Error('the server has started')
  }

  test('with an invalid key, which the message does not contain', async () => {
    const error = await refusalOf({ credentialsKey: 'swordfish' })

    expect(error).toBeInstanceOf(SealingKeyError)
    expect(error.message).toContain('IMAGESTREAMS_CREDENTIALS_KEY: key 1 of 1 is invalid')
    expect(error.message).not.toContain('swordfish')
  })

  test.each(['10.20.0.0', '10.20.0.0/16,fd12::/129'])(
    'with the invalid private networks "%s"',
    async (networks) => {
      const error = await refusalOf({ privateNetworks: networks.split(',') })

      expect(error).toBeInstanceOf(ConfigError)
      expect(error.message).toMatch(/^--private-networks .*is not a network like 10\.20\.0\.0\/16$/)
    },
  )

  test('if its data folder has a database of another program, which is not changed', async () => {
    const dataFolder = newDataFolder()
    const file = join(dataFolder, 'imagestreams.db')
    mkdirSync(dataFolder)
    writeFileSync(file, 'my diary, not a database')

    const error = await refusalOf({ dataFolder })

    expect(error).toBeInstanceOf(DatabaseRefusedError)
    expect(error.message).toContain('is damaged, and was not changed')
    expect(readFileSync(file, 'utf8')).toBe('my diary, not a database')
  })

  test('if its database is lost beside its log or its content, neither of which is changed', async () => {
    const wal = newDataFolder()
    mkdirSync(wal)
    writeFileSync(join(wal, 'imagestreams.db-wal'), 'committed writes')
    expect(await refusalOf({ dataFolder: wal })).toMatchObject({
      name: 'DatabaseRefusedError',
      message: expect.stringContaining('restore both from one backup'),
    })
    expect(readdirSync(wal)).toEqual(['imagestreams.db-wal'])

    const blobs = newDataFolder()
    const hex = 'a'.repeat(64)
    const content = join(blobs, 'blobs', 'sha256', 'aa')
    mkdirSync(content, { recursive: true })
    writeFileSync(join(content, hex), 'a layer')
    writeFileSync(join(blobs, 'imagestreams.db'), '')
    expect(await refusalOf({ dataFolder: blobs })).toMatchObject({
      name: 'DatabaseRefusedError',
      message: expect.stringContaining('restore the database from a backup'),
    })
    expect(readFileSync(join(content, hex), 'utf8')).toBe('a layer')
  })

  test('if its data folder cannot be created', async () => {
    const error = await refusalOf({ dataFolder: join(folder, 'not-pem.txt', 'data') })

    expect(error.message).toContain('not-pem.txt')
  })

  test('if the machine does not have its address', async () => {
    const error = await refusalOf({ host: '192.0.2.1', openToEverybody: true })

    expect(error.message).toMatch(/EADDRNOTAVAIL.*192\.0\.2\.1/)
  })
})

describe('a process that cannot start prints the reason without a stack, and exits', () => {
  test.each<[string, string, Settings]>([
    ['setting', '--port (IMAGESTREAMS_PORT) is \\"high\\"', { PORT: 'high' }],
    ['key', 'IMAGESTREAMS_CREDENTIALS_KEY: key 1 of 1 is invalid', { CREDENTIALS_KEY: 'swordfish' }],
  ])('with 78 for an invalid %s', async (_, message, settings) => {
    const build = await buildServer()

    const { end, stderr } = await build.run({ DATA: newDataFolder(), ...settings })

    expect(end).toBe(78)
    expect(stderr).toContain(message)
    expect(stderr).not.toMatch(/^\s+at |swordfish/m)
  })

  test('with 1 if another program uses its port', async () => {
    const build = await buildServer()
    await using upstream = await startUpstream()
    const PORT = upstream.host.split(':')[1] ?? ''

    const { end, stderr } = await build.run({ PORT, DATA: newDataFolder() })

    expect(end).toBe(1)
    expect(stderr).toMatch(/EADDRINUSE.*another program uses this port; choose one with --port/)
    expect(stderr).not.toMatch(/^\s+at /m)
  })
})

test('the process prints its help on request and exits with 0', async () => {
  const build = await buildServer()

  const { end, stdout } = await build.run({}, ['--help'])

  expect(end).toBe(0)
  for (const flag of ['--host', '--port', '--data', '--open-to-everybody']) expect(stdout).toContain(flag)
})

test('the process prints a warning if it is open to every client', async () => {
  const build = await buildServer()
  await using server = await build.start({ DATA: newDataFolder(), OPEN_TO_EVERYBODY: 'true' })

  expect(server.announced).toContain('every client that reaches this address may read and change everything')
})

test('a running server announces itself, keeps other processes out, exits with 0 on SIGTERM and SIGINT, and continues imports', async () => {
  const build = await buildServer()
  const DATA = newDataFolder()
  await using one = await startUpstream()
  await using two = await startUpstream()
  using gateOne = one.hold()
  using gateTwo = two.hold()
  let since: string | null = null

  for (const [signal, upstream, gate] of [
    ['SIGTERM', one, gateOne],
    ['SIGINT', two, gateTwo],
  ] as const) {
    await using server = await build.start({ DATA })
    // given a server that has announced its addresses and its data folder
    expect(JSON.parse(server.announced)).toEqual({
      ...{ level: 30, time: expect.any(Number), pid: server.pid, msg: 'imagestreams is listening' },
      ...{ url: server.url, graphql: `${server.url}/graphql`, dataFolder: DATA, signIn: 'open' },
    })

    // whose data folder another process cannot use
    if (signal === 'SIGTERM') {
      const second = await build.run({ DATA, PORT: '0' })
      expect(second.end).toBe(78)
      expect(second.stderr).toContain(`${DATA}/imagestreams.db is in use by another process`)
      expect(second.stderr).not.toMatch(/^\s+at /m)
    }

    // with subscribers, and a mutation that waits for a running import: only for an instant, since its request has a time limit
    await using client = connect(server.url)
    since ??= await endOfLog(client)
    using follower = await Follower.start(server.url)
    const stream = await eventStream(`${server.url}/graphql`, 'subscription { imagePushed { cursor } }')
    stream.body.on('error', () => {})
    upstream.push('team/app', 'latest', image({ seed: signal }))
    const waiting = createStream(client, {
      name: signal.toLowerCase(),
      spec: { dockerImageRepository: `${upstream.host}/team/app` },
      waitSeconds: 300,
    })
    await gate.arrived(1)

    // when it gets the signal, then it ends without an error, and the response has the current state
    server.kill(signal)
    const { end, stderr } = await server.ended
    expect({ end, stderr: stderr.slice(server.announced.length) }).toEqual({ end: 0, stderr: '' })
    expect(await follower.next()).toEqual({ done: true, value: undefined })
    expect(await waiting).toMatchObject({ import: { state: 'RUNNING', finishedAt: null } })
  }

  // then the next start continues the imports
  gateOne.open()
  gateTwo.open()
  await using app = await startApp({ dataFolder: DATA })
  using follower = await Follower.start(app.app.url, { since })
  const pushes = await follower.take(2)
  expect(pushes.map(({ imageStreamName }) => imageStreamName).sort()).toEqual(['sigint', 'sigterm'])
})
