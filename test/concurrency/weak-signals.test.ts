import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

test('no deadline of the server is a signal that only weak references hold', () => {
  const root = join(import.meta.dirname, '../../src')
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  )
  expect(files.length).toBeGreaterThan(100)
  const weak = files.filter((file) => /\bAbortSignal\.timeout\(/.test(readFileSync(join(root, file), 'utf8')))
  expect(weak).toEqual([])
})
