import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { missingPrograms } from '../fixtures/programs.ts'
import { image } from '../fixtures/random-image.ts'
import { RUBY_REPOSITORY, replay } from '../fixtures/ruby-history.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const README = readFileSync(`${ROOT}/README.md`, 'utf8')

interface Block {
  /** Of the section that it stands in. */
  readonly heading: string
  /** To be pasted into a shell. */
  readonly text: string
}

/** In the README's order. */
const BLOCKS = README.split(/^#+ /m).flatMap((section): Block[] =>
  [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) => ({
    heading: section.split('\n', 1)[0] ?? '',
    text,
  })),
)
/** Those that ask a running server: only they are run here. */
const EXAMPLES = BLOCKS.filter(({ text }) => /^(?:curl|jq) /.test(text))
/** These install, start and test the project, or need the internet. */
const OTHERS = [/^npm ci && npm start/, /^skopeo copy/]

const isSubscription = ({ text }: Block): boolean => text.includes('subscription {')

/** The README's server and Docker Hub, as they are here. */
const located = ({ text }: Block, { app }: TestApp, { host }: Upstream): string =>
  text
    .replaceAll('localhost:4000', new URL(app.url).host)
    .replaceAll('docker.io/library/ruby', `${host}/${RUBY_REPOSITORY}`)

type Shell = ChildProcessByStdio<null, Readable, null>

// a group of its own, so that what the shell started ends with it
const paste = (script: string): Shell =>
  spawn('bash', ['-c', script], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'], detached: true })

async function end(shell: Shell): Promise<void> {
  const ended = once(shell, 'exit')
  process.kill(-(shell.pid ?? 0), 'SIGTERM')
  await ended
}

async function textOf(stream: Readable, isEnough: (text: string) => boolean): Promise<string> {
  let text = ''
  for await (const chunk of stream) {
    text += String(chunk)
    if (isEnough(text)) break
  }
  return text
}

const missing = missingPrograms('bash', 'curl', 'jq')

test('the README has examples, and nothing else to paste', () => {
  expect(EXAMPLES.length).toBeGreaterThanOrEqual(8)
  const unknown = BLOCKS.filter((block) => !EXAMPLES.includes(block)).map(({ text }) => text)
  expect(unknown.filter((text) => !OTHERS.some((other) => other.test(text)))).toEqual([])
})

describe.skipIf(missing !== undefined)(`the README${missing ? `: ${missing}` : ''}`, () => {
  const answers: string[] = []

  beforeAll(async () => {
    await using upstream = await startUpstream()
    replay(upstream, RUBY_REPOSITORY, { until: new Date('2026-09-01') })
    await using server = await startApp()
    for (const example of EXAMPLES) {
      const shell = paste(located(example, server, upstream))
      if (isSubscription(example)) {
        // it is heard only what happens once it listens: the answer's head tells that it does
        await once(shell.stdout, 'readable')
        upstream.push(RUBY_REPOSITORY, 'latest', image({ seed: 'tomorrow' }))
        await server.client.ask(
          'mutation { importImage(input: { imageStream: "ruby" }) { import { state } } }',
        )
        answers.push(await textOf(shell.stdout, (text) => text.includes('event: next')))
        await end(shell)
      } else answers.push(await textOf(shell.stdout, () => false))
    }
  }, 60_000)

  test.each(EXAMPLES.map(({ heading }, at) => [heading, at + 1] as const))(
    '%s: example %i is answered',
    (_heading, number) => {
      const answer = answers[number - 1] ?? ''

      expect(answer).not.toContain('"errors"')
      expect(answer).toMatch(
        /sha256:|CREATED|"dueAt"|"bytes":\d|"CLOSED"|"FULL_SWEEP"|"PASSWORD"|"DIGESTS"|"AWS_ACCESS_KEY"|"AZURE_|"WAITING"/,
      )
    },
  )
})
