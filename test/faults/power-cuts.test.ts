import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { checkDataFolder } from '../../src/operate/check/check.ts'
import { startApp } from '../fixtures/app.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { missingPrograms } from '../fixtures/programs.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { type Image, image, layer } from '../fixtures/random-image.ts'
import { randomNumbers } from '../fixtures/random-numbers.ts'
import { repeats, seedOf } from '../fixtures/seed.ts'
import { buildServer } from '../fixtures/server-process.ts'
import { pushLog } from '../flows/operations.ts'
import { writeCutDisk } from './cut-disk.ts'
import { type FileOperation, parseWriteStream, RECORDED_CALLS } from './write-stream.ts'

const CUTS = repeats(10, 100, 1_000)
const PUSHES = 12
const missing = missingPrograms('strace')

const IMAGES = Array.from({ length: PUSHES }, (_, at) =>
  image({ seed: at, layers: [layer('base'), layer(at), layer(`${at}`.repeat(9_000))] }),
)
const toOf = (at: number) => ({ repository: `shop/app-${at % 3}`, tag: `v${at}` })

/** Records all that a server does to its files, and its responses, while images are pushed and garbage is collected. */
async function record(dataFolder: string, trace: string): Promise<FileOperation[]> {
  const { main } = await buildServer()
  const tracing = ['-f', '-y', '-xx', '-s', '400000', '-e', `trace=${RECORDED_CALLS}`, '-o', trace]
  const server = spawn('strace', [...tracing, process.execPath, main, '--port', '0', '--data', dataFolder], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(server, 'exit')
  try {
    const url = await listeningAt(server.stderr)
    const client = new PushClient(url)
    await using graphql = connect(url)
    for (const [at, one] of IMAGES.entries()) {
      await client.push(toOf(at), one, at % 2 ? 'one POST' : 'chunks')
      if (at === PUSHES / 2) {
        await graphql.request('mutation { collectGarbage(input: {}) { garbageCollection { id } } }')
      }
    }
  } finally {
    // strace writes what it has recorded when its child has ended
    for (const child of childrenOf(server.pid)) process.kill(child, 'SIGKILL')
    await ended
  }
  return parseWriteStream(readFileSync(trace, 'latin1'), dataFolder)
}

const childrenOf = (pid: number | undefined): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

/** Returns the URL in the line that a server writes when it listens. */
async function listeningAt(output: Readable): Promise<string> {
  let text = ''
  for await (const chunk of output) {
    text += chunk
    const [, url] = /"url":"([^"]+)".*is listening"}/.exec(text) ?? []
    if (url) {
      output.resume()
      return url
    }
  }
  throw new Error(`the server ended before it was ready: ${text}`)
}

/** Returns the pushes whose response was sent before the cut. */
const acknowledgedBefore = (operations: readonly FileOperation[], cut: number): number[] =>
  operations.slice(0, cut).flatMap((operation) => {
    if (operation.kind !== 'respond' || !operation.text.startsWith('HTTP/1.1 201')) return []
    const [, tag] = /\/manifests\/v(\d+)\r$/im.exec(operation.text) ?? []
    return tag === undefined ? [] : [Number(tag)]
  })

test.skipIf(missing)(
  `after ${CUTS} power cuts in a recorded stream of writes every acknowledged push is there${missing ? `: ${missing}` : ''}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'imagestreams-cuts-'))
    const operations = await record(join(folder, 'recorded'), join(folder, 'trace'))
    expect(acknowledgedBefore(operations, operations.length)).toHaveLength(PUSHES)
    const random = randomNumbers(seedOf('power cuts'))
    const first = operations.findIndex(({ kind }) => kind === 'respond')

    for (let run = 0; run < CUTS; run++) {
      const cut = first + Math.floor(random() * (operations.length - first + 1))
      const dataFolder = join(folder, `cut-${run}`)
      writeCutDisk(operations, { cut, random, folder: dataFolder })
      const acknowledged = acknowledgedBefore(operations, cut)
      const found: number[] = []
      {
        await using app = await startApp({ dataFolder })
        const client = new PushClient(app.app.url)
        for (const at of acknowledged) {
          if (await client.has(toOf(at), IMAGES[at] as Image)) found.push(at)
        }
        const logged = new Set((await pushLog(app.client)).map(({ tag }) => tag))
        for (const at of acknowledged) expect(logged).toContain(`v${at}`)
      }
      expect({ run, cut, found }).toEqual({ run, cut, found: acknowledged })
      const { findings } = await checkDataFolder(dataFolder, { isDeep: true, onProgress() {} })
      expect({ run, cut, findings }).toEqual({ run, cut, findings: [] })
      rmSync(dataFolder, { recursive: true })
    }
    rmSync(folder, { recursive: true })
  },
)
