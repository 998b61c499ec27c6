import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createApp } from '../../src/app/app.ts'
import { testConfig } from '../fixtures/app.ts'
import { type Cloud, type CloudRequest, startCloud } from '../fixtures/cloud.ts'
import { amazon } from '../fixtures/cloud-amazon.ts'
import { azure } from '../fixtures/cloud-azure.ts'
import { google } from '../fixtures/cloud-google.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { image } from '../fixtures/random-image.ts'
import { always, refusalOf, TestClient, tag } from '../fixtures/registry-client.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { json } from '../fixtures/upstream-response.ts'
import { importImage } from '../flows/operations.ts'

const SET = `mutation ($input: SetRegistryCredentialInput!) {
  setRegistryCredential(input: $input) { registryCredential { prefix kind username } } }`
const TEST = `mutation ($input: TestRegistryCredentialInput!) {
  testRegistryCredential(input: $input) { outcome reason status: httpStatus message } }`
const EVERYTHING = `{ registryCredentials { nodes { id prefix kind username } }
  imageStreams { nodes { document tags { nodes { conditions { message } } } } } }`
const app = image({ seed: 'app' })

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'imagestreams-clouds-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const bytesOf = (): string =>
  Buffer.concat(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((path) => statSync(path).isFile())
      .map((path) => readFileSync(path)),
  ).toString('latin1')

/** Returns the secrets in a request: keys, tokens, assertions and signatures. */
function secretsOf({ headers, body }: CloudRequest): string[] {
  const form = new URLSearchParams(body)
  const fields = ['client_secret', 'access_token', 'assertion'].map((name) => form.get(name) ?? '')
  const signature = headers.authorization?.split('Signature=')[1] ?? ''
  return [...fields, signature, headers['x-amz-security-token'] ?? ''].filter((text) => text !== '')
}

/** A body that repeats the request's secrets in each field that errors are read from. */
const echoOf = ({ headers, body }: CloudRequest) => {
  const sent = `${headers.authorization ?? ''} ${headers['x-amz-security-token'] ?? ''} ${body} ${decodeURIComponent(body.replaceAll('+', ' '))}`
  return {
    __type: sent,
    message: sent,
    error: sent,
    error_description: sent,
    errors: [{ code: sent, message: sent }],
  }
}

/** Repeats the received secrets at the given step. */
function echoAt(cloud: Cloud, host: string, status: number): void {
  cloud.hook = (request) => (request.host === host ? json(status, echoOf(request)) : undefined)
}

/** A registry that repeats the secrets that it and its token server receive. */
function echo(upstream: Upstream): void {
  upstream.hook = ({ headers: { authorization = '' }, ...request }) => {
    if (authorization === '' && !('form' in request)) return undefined
    const plain = Buffer.from(authorization.split(' ')[1] ?? '', 'base64').toString()
    const message = `${authorization} ${plain} ${plain.slice(plain.indexOf(':') + 1)}`
    return json(403, { errors: [{ code: 'DENIED', message }] })
  }
}

interface LoginUnderTest {
  readonly cloud: Cloud
  readonly upstream: Upstream
  readonly given: object
  /** The step of the login. */
  readonly steps: readonly string[]
  /** Secrets that must not appear. */
  readonly canaries: readonly string[]
}

/** Returns all responses, logs and files of a server while each step of the login fails in each way. */
async function outputOf({ cloud, upstream, given, steps }: LoginUnderTest): Promise<string> {
  const output: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void output.push(line) })
  const config = testConfig({ dataFolder: folder, logLevel: 'trace' })
  const server = await createApp(config, { log, cloudEndpoint: cloud.endpoint })
  const client = connect(server.url)
  const see = async (operation: string, input: object) =>
    output.push(JSON.stringify(await client.execute(operation, { input })))

  const tryAll = async () => {
    await see(SET, { prefix: upstream.host, ...given })
    await see(TEST, { prefix: upstream.host, repository: 'team/app' })
    const from = `${upstream.host}/team/app:latest`
    output.push(JSON.stringify(await importImage(client, { from, tag: 'latest', confirm: true })))
    output.push(JSON.stringify(await client.execute(EVERYTHING)))
  }
  for (const host of steps) {
    for (const status of [400, 401, 403, 404]) {
      echoAt(cloud, host, status)
      await tryAll()
    }
  }
  cloud.hook = undefined
  echo(upstream)
  await tryAll()
  upstream.hook = undefined
  await tryAll()
  output.push(bytesOf())
  await client[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  output.push(bytesOf())
  return output.join('\n')
}

function expectNoSecrets(all: string, { cloud, canaries }: LoginUnderTest): void {
  // the secrets were sent, and the last login succeeded
  expect(all).toContain('***')
  expect(all).toMatch(/"outcome":"ACCEPTED"/)
  const secrets = [...canaries, ...cloud.log.flatMap(secretsOf)]
  expect(secrets.length).toBeGreaterThan(canaries.length)
  for (const secret of secrets) {
    expect(all).not.toContain(secret)
    expect(all).not.toContain(encodeURIComponent(secret))
    expect(all).not.toContain(Buffer.from(secret).toString('base64').replace(/=+$/, ''))
  }
}

describe('a cloud that repeats secrets', () => {
  test('leaves no part of an AWS key, nor a derived token, in any response, log line or file', async () => {
    const aws = amazon({
      now: Date.now,
      accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
      sessionToken: 'canary/session==',
    })
    await using cloud = await startCloud(aws.endpoint)
    await using upstream = await startUpstream({ auth: { scheme: 'basic', credentials: aws.login } })
    upstream.push('team/app', 'latest', app)
    const suspect = {
      cloud,
      upstream,
      given: { aws: { ...aws.key, sessionToken: 'canary/session==', region: 'eu-west-1' } },
      steps: ['api.ecr.eu-west-1.amazonaws.com'],
      canaries: ['canary'],
    }
    expectNoSecrets(await outputOf(suspect), suspect)
  })

  test('leaves no part of an Azure secret, nor of a token of the login', async () => {
    const acr = azure()
    await using cloud = await startCloud(acr.endpoint)
    await using upstream = await startUpstream({
      auth: {
        scheme: 'bearer',
        credentials: { username: 'user', password: 'by password' },
        get identityToken() {
          return acr.refreshToken
        },
      },
    })
    upstream.push('team/app', 'latest', app)
    const suspect = {
      cloud,
      upstream,
      given: { azure: { ...acr.application, loginServer: 'team.azurecr.io' } },
      steps: ['login.microsoftonline.com', 'team.azurecr.io'],
      canaries: ['canary'],
    }
    expectNoSecrets(await outputOf(suspect), suspect)
  })

  test('leaves no part of a Google key, assertion or access token in an error and its causes', async () => {
    const gcp = google({ now: () => Date.UTC(2026, 0, 1) })
    await using cloud = await startCloud(gcp.endpoint)
    await using upstream = await startUpstream({ auth: { scheme: 'basic', credentials: gcp.login } })
    upstream.push('team/app', '1', app)
    const output: string[] = []
    const fail = async () => {
      await using client = new TestClient({
        credentials: always({ kind: 'google', serviceAccountKey: gcp.account.key }),
        cloudEndpoint: cloud.endpoint,
      })
      const repository = client.repository(`${upstream.host}/team/app`)
      const error = await refusalOf(repository.resolveTag(tag('1'), null))
      const lines: string[] = []
      pino({}, { write: (line: string) => void lines.push(line) }).error({ err: error })
      output.push(error.message, inspect(error, { depth: 20, showHidden: true }), ...lines)
    }
    for (const status of [400, 401, 403, 404]) {
      echoAt(cloud, 'oauth2.googleapis.com', status)
      await fail()
    }
    cloud.hook = undefined
    echo(upstream)
    await fail()

    const all = output.join('\n')
    expect(all).toContain('***')
    expect(cloud.log.flatMap(secretsOf)).toHaveLength(5)
    const key = JSON.parse(gcp.account.key).private_key as string
    const lines = key.split('\n').filter((line) => line !== '' && !line.startsWith('--'))
    const signatures = cloud.log.flatMap(secretsOf).map((assertion) => assertion.split('.')[2] ?? '?')
    for (const secret of ['canary', ...lines, ...cloud.log.flatMap(secretsOf), ...signatures]) {
      expect(all).not.toContain(secret)
    }
  })
})
