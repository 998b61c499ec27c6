import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { connectionsWithin, parseLimit, readFileLimit } from '../../src/health/file-descriptors.ts'

test('the limit of open files is that of this process', () => {
  // a shell that Node.js starts has the same limit
  const shell = execFileSync('sh', ['-c', 'ulimit -Sn'], { encoding: 'utf8' }).trim()
  expect(readFileLimit()).toBe(shell === 'unlimited' ? undefined : Number(shell))
})

test('a limit is the soft one, and may be missing', () => {
  const text =
    'Limit   Soft Limit   Hard Limit   Units\nMax open files            1024       524288      files\n'
  expect(parseLimit(text)).toBe(1024)
  expect(parseLimit('Max open files            unlimited     unlimited      files\n')).toBeUndefined()
  expect(parseLimit('')).toBeUndefined()
})

test.each([
  [undefined, 20_000],
  [1_048_576, 20_000],
  [1_024, 448],
  [64, 16],
])('with %s files there are at most %d connections', (files, connections) => {
  expect(connectionsWithin(files, 20_000)).toBe(connections)
})
