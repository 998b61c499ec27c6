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

test('only one file imports sigstore’s library', () => {
  expect(withText(/from '@sigstore\//)).toEqual(['trust/signature/sigstore.ts'])
})

test('the library is imported dynamically, when a keyless signature is first verified', () => {
  expect(withText(/from '[./a-z-]*\/sigstore\.ts'/)).toEqual([])
  expect(withText(/await import\('[./a-z-]*\/sigstore\.ts'\)/).toSorted()).toEqual([
    'trust/policy/policies.ts',
    'trust/signature/verify-signature.ts',
  ])
})
