import { sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/db/open.ts'
import { verifications } from '../../src/db/tables/trust.ts'
import { digestOf } from '../../src/oci/digest.ts'
import type { ArtifactSource } from '../../src/trust/referrer/artifact-reader.ts'
import { ArtifactReader } from '../../src/trust/referrer/artifact-reader.ts'
import { createResultCache } from '../../src/trust/referrer/result-cache.ts'

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

test('a cache that cannot be written, on a full disk, reports the error and does not throw', () => {
  using db = openDatabase(':memory:')
  const reported: unknown[] = []
  const dependencies = { db, onWriteError: (error: unknown) => reported.push(error) }
  const columns = { variant: 'policyVersion', renewedAt: 'checkedAt' } as const
  const cache = createResultCache<Omit<typeof verifications.$inferSelect, 'id'>>(
    dependencies,
    verifications,
    columns,
  )
  const key = {
    namespace: '',
    repository: 'quay.io/team/app',
    digest: digestOf(Buffer.of()),
    policyVersion: '1',
  }
  db.orm.get(sql`pragma max_page_count = 1`)
  cache.save({ ...key, outcome: 'x'.repeat(1_000_000), basis: '', checkedAt: 1, validUntil: null })
  expect(reported).toMatchObject([{ code: 'SQLITE_FULL' }])
  expect(cache.find(key)).toBeUndefined()
})
