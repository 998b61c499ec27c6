import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { startFakeCluster } from '../fixtures/kubernetes/fake-cluster.ts'
import { kubeconfigOf } from '../fixtures/kubernetes/kubectl.ts'
import { valueAt } from '../fixtures/kubernetes/manifest.ts'
import { workload } from '../fixtures/kubernetes/manifests.ts'
import { missingPrograms } from '../fixtures/programs.ts'
import { image } from '../fixtures/random-image.ts'
import { Shelf } from '../fixtures/skopeo.ts'
import { startTriggerReceiver } from '../fixtures/trigger-receiver.ts'

const PAGE = readFileSync(new URL('../../src/triggers/five-minutes.md', import.meta.url), 'utf8')
const BLOCKS = [...PAGE.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) => text)
const missing = missingPrograms('bash', 'curl', 'jq', 'skopeo')

/** A text of the blocks that change the state of the target, with the state that a reader finds then. */
const STATES: readonly (readonly [string, string])[] = [
  ['busybox:1.36', 'IDLE'],
  ['pauseTrigger', 'PAUSED'],
  ['resumeTrigger', 'IDLE'],
  ['approval: true', 'WAITING'],
  ['approveDelivery', 'IDLE'],
  ['kill %1', 'RETRYING'],
  ['retryDeliveries', 'IDLE'],
  ['setImage', 'IDLE IDLE'],
]
const TARGETS =
  '{ triggers(namespace: "shop", first: 9) { nodes { targets(first: 9) { nodes { state isDelivered } } } } }'

/** A shell that runs one block after the other, as a reader pastes them. */
class Shell implements AsyncDisposable {
  readonly #process: ReturnType<typeof startBash>
  readonly #ended: Promise<unknown>
  #output = ''
  #blocks = 0

  constructor(folder: string) {
    this.#process = startBash(folder)
    this.#ended = once(this.#process, 'exit')
    this.#process.stdout.on('data', (text) => {
      this.#output += text
    })
    this.#process.stdin.write('set -eo pipefail\n')
  }

  /** Runs a block and returns its output. */
  async run(block: string): Promise<string> {
    const end = `--- end of block ${++this.#blocks} ---\n`
    this.#output = ''
    this.#process.stdin.write(`${block}\nprintf '%s' '${end}'\n`)
    while (!this.#output.endsWith(end)) {
      if (this.#process.exitCode !== null) throw new Error(`the shell ended: ${block}\n${this.#output}`)
      await Promise.race([once(this.#process.stdout, 'data'), this.#ended])
    }
    return this.#output.slice(0, -end.length)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // with the receiver, which is in its process group
    process.kill(-(this.#process.pid ?? 0), 'SIGKILL')
    await this.#ended
  }
}

const startBash = (cwd: string) =>
  spawn('bash', [], {
    cwd,
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
    env: { ...process.env, HOME: cwd },
  })

async function statesOf({ client }: TestApp): Promise<string> {
  const { triggers } = await client.request<{
    triggers: { nodes: { targets: { nodes: { state: string }[] } }[] }
  }>(TARGETS)
  return triggers.nodes.flatMap(({ targets }) => targets.nodes.map(({ state }) => state)).join(' ')
}

test.skipIf(missing !== undefined)(
  `each command of "From push to deployment in five minutes" does what the page says${missing ? `: ${missing}` : ''}`,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'five-minutes-'))
    await using kubernetes = await startFakeCluster()
    kubernetes.create(workload('Deployment'))
    await writeFile(join(folder, 'kubeconfig.yaml'), kubeconfigOf(kubernetes))
    await using shelf = await Shelf.open()
    const images = [
      await shelf.put('one', image({ seed: 'busybox 1.36' })),
      await shelf.put('two', image({ seed: 'busybox 1.37' })),
    ]
    await using app = await startApp()
    const { host } = new URL(app.app.url)
    const probe = await startTriggerReceiver()
    const receiverPort = new URL(probe.url).port
    await probe[Symbol.asyncDispose]()
    const located = (block: string): string =>
      block
        .replaceAll('localhost:4000', host.replace('127.0.0.1', 'localhost'))
        .replaceAll('4100', receiverPort)
        .replaceAll('skopeo copy', 'skopeo --insecure-policy copy --quiet')
        .replaceAll('docker://docker.io/library/busybox:1.36', images[0] ?? '')
        .replaceAll('docker://docker.io/library/busybox:1.37', images[1] ?? '')
        .replace(/^kubectl config view .*$/m, 'true')

    await using shell = new Shell(folder)
    const states = [...STATES]
    const outputs: string[] = []
    for (const block of BLOCKS) {
      outputs.push(await shell.run(located(block)))
      const [text, state] = states[0] ?? ['nothing', '']
      if (!block.includes(text)) continue
      states.shift()
      await expect.poll(() => statesOf(app), { timeout: 20_000 }).toBe(state)
    }

    expect(states).toEqual([])
    expect(outputs.join('\n')).not.toContain('"errors"')
    const shown = outputs.filter((_, at) => BLOCKS[at]?.trim().endsWith('status'))
    expect(shown).toEqual([
      expect.stringMatching(/"IDLE","isDelivered":true.*"response":"build started"/s),
      expect.stringMatching(/"PAUSED","isDelivered":false.*"pauseMessage":"release freeze"/),
      expect.stringMatching(/"WAITING","isDelivered":false,"message":".*approv/),
      expect.stringMatching(
        /"RETRYING","isDelivered":false,"message":"the connection was refused","nextAttemptAt":"2/s,
      ),
      expect.stringMatching(/"IDLE","isDelivered":true.*"httpStatus":null.*"response":"build started"/s),
      expect.stringMatching(/"set-web","state":"IDLE","isDelivered":true/),
    ])
    expect(outputs.some((output) => output.includes('"type":"io.imagestreams.tag.moved.v1"'))).toBe(true)
    const { imageStreamTag } = await app.client.request<{ imageStreamTag: { image: { digest: string } } }>(
      '{ imageStreamTag(name: "shop/web:v1") { image { digest } } }',
    )
    const containers = valueAt(kubernetes.read('Deployment', 'web'), 'spec.template.spec.containers')
    expect(JSON.stringify(containers)).toContain(`/shop/web@${imageStreamTag.image.digest}`)
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  },
  120_000,
)
