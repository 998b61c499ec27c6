import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const SRC = fileURLToPath(new URL('../../src', import.meta.url))
const modules = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(join(SRC, path), 'utf8') }))
const withText = (pattern: RegExp): string[] =>
  modules.filter(({ text }) => pattern.test(text)).map(({ path }) => path)

test('one file alone knows the types of sigstore’s library', () => {
  expect(withText(/from '@sigstore\//)).toEqual(['trust/sigstore.ts'])
})

test('the library is loaded when a keyless signature is first looked at, and not when the server starts', () => {
  expect(withText(/from '\.(?:\.\/trust)?\/sigstore\.ts'/)).toEqual([])
  expect(withText(/await import\('\.\/sigstore\.ts'\)/).toSorted()).toEqual([
    'trust/judge.ts',
    'trust/policy-input.ts',
  ])
})
