import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { missingPrograms } from '../fixtures/programs.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image } from '../fixtures/random-image.ts'
import { moves, RUBY_REPOSITORY } from '../fixtures/ruby-history.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const listFiles = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path))
/** All documents, as paths from the root. The README comes first, since the others continue with its stream. */
const DOCUMENTS = [
  'README.md',
  ...[...listFiles('src'), ...listFiles('test')].filter((path) => path.endsWith('README.md')).sort(),
]
const textOfDocument = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

interface Block {
  /** Path of its document. */
  readonly document: string
  /** Heading of its section. */
  readonly heading: string
  /** Shell commands that a reader pastes. */
  readonly text: string
}

const blocksOf = (document: string): Block[] =>
  textOfDocument(document)
    .split(/^#+ /m)
    .flatMap((section) =>
      [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text = '']) => ({
        document,
        heading: section.split('\n', 1)[0] ?? '',
        text,
      })),
    )
/** In the order of the documents. */
const BLOCKS = DOCUMENTS.flatMap(blocksOf)
/** Requests to a running server: only these run here. */
const EXAMPLES = BLOCKS.filter(({ text }) => /^(?:curl|jq) /.test(text))
/** These install, start and test the project, need internet access, or work on a data folder: `backup.test.ts`, `check.test.ts`. */
const OTHERS = [/^npm /, /^skopeo copy/, /^imagestreams (?:backup|restore|check)/]

const isSubscription = ({ text }: Block): boolean => text.includes('subscription {')

/** The documents' server and Docker Hub, replaced by those of this test. */
const located = ({ text }: Block, { app }: TestApp, { host }: Upstream): string =>
  text
    .replaceAll('localhost:4000', new URL(app.url).host)
    .replaceAll('docker.io/library/ruby', `${host}/${RUBY_REPOSITORY}`)

type Shell = ChildProcessByStdio<null, Readable, null>

// has its own process group, so that the shell's children end with it
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

test('the documents have examples, and no other requests to paste', () => {
  expect(EXAMPLES.length).toBeGreaterThanOrEqual(20)
  const unknown = BLOCKS.filter((block) => !EXAMPLES.includes(block)).map(({ text }) => text)
  expect(unknown.filter((text) => !OTHERS.some((other) => other.test(text)))).toEqual([])
})

describe.skipIf(missing !== undefined)(`an example${missing ? `: ${missing}` : ''}`, () => {
  const responses = new Map<Block, string>()

  async function run(example: Block, server: TestApp, upstream: Upstream): Promise<string> {
    const shell = paste(located(example, server, upstream))
    if (!isSubscription(example)) return textOf(shell.stdout, () => false)
    // the subscription receives only later pushes: the head of its response shows that it has started
    await once(shell.stdout, 'readable')
    upstream.push(RUBY_REPOSITORY, 'latest', image({ seed: `push ${responses.size}` }))
    await server.client.request(
      'mutation { importImage(input: { imageStream: "ruby" }) { import { state } } }',
    )
    const text = await textOf(shell.stdout, (part) => part.includes('event: next'))
    await end(shell)
    return text
  }

  beforeAll(async () => {
    await using upstream = await startUpstream()
    // a sixth of the tags, so that each first import ends while its example waits for it, also on a busy machine
    for (const { at, tag, content } of moves()) {
      if (at < new Date('2026-09-01') && /^(?:[\d.]+(?:-slim)?|latest)$/.test(tag)) {
        upstream.push(RUBY_REPOSITORY, tag, content)
      }
    }
    const pushed = image({ seed: 'shop/web' })
    // each document continues with the stream of the README's first example, and with nothing of another document
    const [first] = EXAMPLES
    for (const document of new Set(EXAMPLES.map((example) => example.document))) {
      await using server = await startApp()
      // the push of the README, which skopeo makes from Docker Hub
      await new PushClient(server.app.url).push({ repository: 'shop/web', tag: 'v1' }, pushed, 'one POST')
      if (first && document !== first.document) await run(first, server, upstream)
      for (const example of EXAMPLES) {
        if (example.document === document) responses.set(example, await run(example, server, upstream))
      }
    }
  })

  test.each(EXAMPLES.map((example) => [example.document, example.heading, example] as const))(
    'in %s works as pasted: %s',
    (_document, _heading, example) => {
      const response = responses.get(example) ?? ''

      expect(response).not.toContain('"errors"')
      expect(response).toMatch(
        /sha256:|CREATED|"dueAt"|"freedSize":\d|"CLOSED"|"FULL_SCAN"|"PASSWORD"|"DIGESTS"|"AWS_ACCESS_KEY"|"AZURE_|"WAITING"|"INTEGRATED"|whsec_|whpk_|"deploy-ruby"|"workloads":\{/,
      )
    },
  )
})

/** GitHub's rule for the anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-')

const withoutCode = (text: string): string => text.replace(/^```.*?^```$/gms, '')

describe('a document', () => {
  const anchorsOf = (path: string): string[] =>
    [...withoutCode(textOfDocument(path)).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      anchorOf(heading),
    )

  test.each(DOCUMENTS)('%s has no broken links', (path) => {
    const links = [...withoutCode(textOfDocument(path)).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = '']) => link)
      .filter((link) => !/^https?:/.test(link))
    const broken = links.filter((link) => {
      const [file = '', anchor] = link.split('#', 2)
      const target = file === '' ? path : join(dirname(path), file)
      if (!existsSync(join(ROOT, target))) return true
      return anchor !== undefined && !anchorsOf(target).includes(anchor)
    })

    expect(broken).toEqual([])
  })

  test('of every room is listed in the README or in the map of the code', () => {
    const lists = ['README.md', 'src/README.md', 'src/vendors/README.md', 'test/README.md']
      .filter((list) => existsSync(join(ROOT, list)))
      .flatMap((list) =>
        [...textOfDocument(list).matchAll(/\]\(([^)#\s]+)\)/g)].map(([, link = '']) =>
          join(dirname(list), link),
        ),
      )
    const unlisted = DOCUMENTS.filter((path) => path !== 'README.md' && !lists.includes(path))

    expect(unlisted).toEqual([])
  })
})

test('the map of the code names only files that exist', () => {
  const named = [...textOfDocument('src/README.md').matchAll(/`([a-z-]+(?:\/[a-z-]+)+\.(?:ts|md))`/g)]
    .map(([, path = '']) => path)
    .filter((path) => !existsSync(join(ROOT, 'src', path)) && !existsSync(join(ROOT, path)))

  expect(named).toEqual([])
})

test('the README fits in 10 KB', () => {
  expect(Buffer.byteLength(textOfDocument('README.md'))).toBeLessThan(10 * 1024)
})
