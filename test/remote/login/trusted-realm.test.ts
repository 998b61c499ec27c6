import { expect, test } from 'vitest'
import { isTrustedRealm } from '../../../src/remote/login/trusted-realm.ts'

const trusts = (registry: string, realm: string, listed = {}) =>
  isTrustedRealm(new URL(registry), new URL(realm), listed)

test.each([
  ['https://quay.io', 'https://quay.io/v2/auth'],
  ['https://registry-1.docker.io', 'https://auth.docker.io/token'],
  ['https://registry.gitlab.com', 'https://gitlab.com/jwt/auth'],
  ['https://git.example.org:5050', 'https://git.example.org/jwt/auth'],
  ['https://registry.example.org', 'https://git.example.org/jwt/auth'],
  ['https://registry.team.example.co.uk', 'https://auth.team.example.co.uk/token'],
  ['http://127.0.0.1:5000', 'http://127.0.0.1:5000/token'],
])('a login for %s may be sent to %s', (registry, realm) => {
  expect(trusts(registry, realm)).toBe(true)
})

test.each([
  ['https://registry.example.org', 'https://evil.test/token'],
  ['https://registry.example.org', 'https://registry.example.org.evil.test/token'],
  ['https://registry.example.org', 'http://registry.example.org/token'],
  ['https://registry.example.org', 'https://registry.example.org:8443/token'],
  ['https://registry.co.uk', 'https://evil.co.uk/token'],
  ['https://registry.com.au', 'https://evil.com.au/token'],
  ['https://registry.azurewebsites.net', 'https://evil.azurewebsites.net/token'],
  ['https://registry.github.io', 'https://github.io/token'],
  ['https://example.org', 'https://evil.org/token'],
  ['https://10.0.0.1', 'https://10.0.0.2/token'],
  ['http://127.0.0.1:5000', 'http://127.0.0.1:5001/token'],
  // properties of every object are not in the list
  ['https://constructor', 'https://evil.test/token'],
])('a login for %s is not sent to %s', (registry, realm) => {
  expect(trusts(registry, realm)).toBe(false)
})

test('a login may be sent to a server that the operator lists', () => {
  const listed = { '127.0.0.1:5000': ['127.0.0.1:5001'] }
  expect(trusts('http://127.0.0.1:5000', 'http://127.0.0.1:5001/token', listed)).toBe(true)
})
