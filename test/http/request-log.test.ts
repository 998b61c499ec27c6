import { expect, test } from 'vitest'
import { unknownPath } from '../../src/http/request/request-log.ts'

test.each([
  ['/', '/'],
  ['/favicon.ico', '/favicon.ico'],
  ['/webhooks/0Zk2vB1-secret', '/webhooks/…'],
  ['/v1/_ping', '/v1/…'],
  ['/0Zk2vB1QmFpbGVkLXNlY3JldC1rZXk', '/…'],
  ['http://me:password@host/graphql', '/…'],
  ['*', '/…'],
])('the log has of the unknown path %s only %s', (path, logged) => {
  expect(unknownPath(path)).toBe(logged)
})
