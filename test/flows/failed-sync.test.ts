import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startApp } from '../fixtures/app.ts'
import { connect } from '../fixtures/graphql-client.ts'
import { buildServer } from '../fixtures/server-process.ts'
import { createStream } from './operations.ts'

const hasStrace = (): boolean => {
  try {
    execFileSync('strace', ['-V'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

test.runIf(hasStrace())(
  'a server whose disk fails to sync ends, and has every acknowledged write after its next start',
  async () => {
    const build = await buildServer()
    const dataFolder = mkdtempSync(join(tmpdir(), 'imagestreams-sync-'))
    const acknowledged: string[] = []
    {
      await using server = await build.start({ DATA: dataFolder })
      await using client = connect(server.url)
      for (const name of ['a', 'b', 'c']) {
        await createStream(client, { name })
        acknowledged.push(name)
      }
      const inject = 'inject=fsync,fdatasync:error=EIO'
      const tracing = spawn(
        'strace',
        ['-f', '-e', 'trace=fsync,fdatasync', '-e', inject, '-p', `${server.pid}`],
        {
          stdio: ['ignore', 'ignore', 'pipe'],
        },
      )
      await once(tracing.stderr, 'data')

      await createStream(client, { name: 'lost' }).then(
        () => acknowledged.push('lost'),
        () => {},
      )
      expect((await server.ended).end).not.toBe(0)
      tracing.kill()
    }

    await using app = await startApp({ dataFolder })
    const { imageStreams } = await app.client.request<{ imageStreams: { nodes: { name: string }[] } }>(
      '{ imageStreams { nodes { name } } }',
    )
    expect(acknowledged).toEqual(['a', 'b', 'c'])
    expect(imageStreams.nodes.map(({ name }) => name)).toEqual(expect.arrayContaining(acknowledged))
    rmSync(dataFolder, { recursive: true, force: true })
  },
)
