import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { eventually } from '../fixtures/eventually.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { startFakeCluster } from '../fixtures/kubernetes/fake-cluster.ts'
import { buildConfig, workload } from '../fixtures/kubernetes/manifests.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { randomNumbers } from '../fixtures/random-numbers.ts'
import { repeats, seedOf } from '../fixtures/seed.ts'
import { buildServer, type ServerProcess } from '../fixtures/server-process.ts'
import { connectCluster } from '../kubernetes/kubernetes-world.ts'
import { imageOf, triggers } from '../kubernetes/reconcile/deployments.ts'

const KILLS = repeats(3, 10, 20)
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f']
const HOST = 'registry.test'
const CHANGE = /^(?:PATCH|POST .*instantiate)/

test(`each workload gets the newest image and each build starts, once, while the server is killed ${KILLS} times`, async () => {
  const random = randomNumbers(seedOf('kubernetes crash'))
  const dataFolder = await mkdtemp(join(tmpdir(), 'imagestreams-kubernetes-crash-'))
  await using kubernetes = await startFakeCluster()
  for (const name of NAMES)
    kubernetes.create(workload('Deployment', { name, annotations: triggers('web:v1') }))
  kubernetes.create(buildConfig({ from: 'web:v1' }))

  let server: ServerProcess | undefined
  let untilKill = Number.POSITIVE_INFINITY
  const changes: string[] = []
  kubernetes.intercept(({ method, url = '' }) => {
    if (!CHANGE.test(`${method} ${url}`)) return false
    const isLast = --untilKill === 0
    if (isLast) server?.kill('SIGKILL')
    // the last request is lost, or its response is
    const isLost = isLast && random() < 0.5
    const { body } = kubernetes.requests.at(-1) ?? { body: '' }
    const digest = /sha256:[0-9a-f]{64}/.exec(body)?.[0]
    if (!isLost) changes.push(`${url.replace(/\?.*$/, '')} ${digest}`)
    return isLost
  })

  const build = await buildServer()
  for (let kills = 0; kills < KILLS; kills++) {
    untilKill = Number.POSITIVE_INFINITY
    await using running = await build.start({ DATA: dataFolder, REGISTRY_HOST: HOST })
    server = running
    await using client = connect(running.url)
    if (kills === 0) await connectCluster(client, kubernetes)
    untilKill = 1 + Math.floor(random() * (NAMES.length + 1))
    const content = image({ seed: kills })
    // the server may be killed by what it still has to do of the round before
    await new PushClient(running.url)
      .push({ repository: 'shop/web', tag: 'v1' }, content, 'one POST')
      .catch(() => {})
    expect(await running.ended).toMatchObject({ end: 'SIGKILL' })
  }

  server = undefined
  await using app = await startApp({ dataFolder, registryHost: HOST })
  const content = image({ seed: 'last' })
  await new PushClient(app.app.url).push({ repository: 'shop/web', tag: 'v1' }, content, 'one POST')
  await eventually(() => {
    const images = NAMES.map((name) => imageOf({ kubernetes }, 'Deployment', 'web', name))
    expect(new Set(images)).toEqual(new Set([`${HOST}/shop/web@${content.digest}`]))
    expect(changes.filter((change) => change.includes('instantiate')).at(-1)).toContain(content.digest)
  })
  expect(changes.filter((change, at) => changes.indexOf(change) !== at)).toEqual([])
  await rm(dataFolder, { recursive: true, maxRetries: 5 })
}, 300_000)
