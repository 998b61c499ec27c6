import { describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/db/open.ts'
import { ArtifactReader } from '../../src/trust/referrer/artifact-reader.ts'
import type { ArtifactSource } from '../../src/trust/referrer/artifact-source.ts'
import { writeCache } from '../../src/trust/referrer/cache-table.ts'

const repository = { registry: 'slow.example', repository: 'team/app', insecure: false, namespace: null }

/** A reader of a registry that never responds, and the reported errors. */
function open(timeout?: number) {
  const reported: unknown[] = []
  const reader = new ArtifactReader({
    sources: {
      open: (_repository, signal) =>
        ({
          digestOfTag: () =>
            new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason))
            }),
        }) as Partial<ArtifactSource> as ArtifactSource,
    },
    ...(timeout !== undefined && { timeout }),
    onInternalError: (error) => reported.push(error),
  })
  const read = () => reader.read(repository, (source) => source.digestOfTag('latest' as never))
  return { reader, read, reported }
}

describe('an artifact reader', () => {
  test('returns a failure when the registry does not respond in time', async () => {
    const { read, reported } = open(1)
    expect(await read()).toEqual({
      failure: {
        reason: 'RegistryUnavailable',
        message: expect.stringContaining('slow.example did not respond in time'),
      },
    })
    expect(reported).toEqual([])
  })

  test('aborts its requests when the server stops, and reports nothing', async () => {
    const { reader, read, reported } = open()
    const result = read()
    reader[Symbol.dispose]()
    expect(await result).toMatchObject({
      failure: { reason: 'InternalError', message: 'this server is stopping' },
    })
    expect(reported).toEqual([])
  })

  test('reports an internal error, and does not reveal it in the failure', async () => {
    const { reader, reported } = open()
    const result = await reader.read(repository, async () => {
      throw new TypeError('a secret of the code')
    })
    expect(result).toMatchObject({ failure: { reason: 'InternalError' } })
    expect(JSON.stringify(result)).not.toContain('secret')
    expect(reported).toEqual([new TypeError('a secret of the code')])
  })
})

test('a cache that cannot be written, on a full disk say, reports the error and does not throw', () => {
  using db = openDatabase(':memory:')
  const reported: unknown[] = []
  writeCache({ db, onWriteError: (error) => reported.push(error) }, () => {
    throw new Error('disk full')
  })
  expect(reported).toEqual([new Error('disk full')])
})
