import { afterAll, beforeAll, expect, test } from 'vitest'
import { changeKeyValues } from '../../src/input/key-values.ts'
import { startApp, type TestApp } from '../fixtures/app.ts'
import { cpuTime } from '../fixtures/cpu-time.ts'

/** Characters of a text of a caller. */
const LONG = 500_000

let app: TestApp
beforeAll(async () => {
  app = await startApp()
  await send('mutation { createImageStream(input: { name: "app" }) { imageStream { id } } }')
})
afterAll(() => app[Symbol.asyncDispose]())

async function send(query: string, variables: object = {}): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(`${app.app.url}/graphql`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ query, variables }),
  })
}

const other = 'b'.repeat(LONG)

test.each([
  ['a name with a tag', `imageStream(name: $text) { id }`, `app:${other}`],
  ['a name with a digest', `imageStream(name: $text) { id }`, `app@${other}`],
  ['a tag', `imageStreamTag(name: $text) { id }`, `app:${other}`],
  ['a pattern with a tag', `images(imageStream: $text) { totalCount }`, `app:${other}`],
  ['a pattern', `imageStreamTags(imageStream: $text, matching: "1") { totalCount }`, `app:${other}`],
])('%s of a long text is refused in few words, however often it is given', async (_what, field, text) => {
  const fields = Array.from({ length: 30 }, (_, at) => `a${at}: ${field}`)

  const response = await (await send(`query ($text: String!) { ${fields.join(' ')} }`, { text })).text()

  expect(response).toContain('INVALID')
  expect(response.length).toBeLessThan(100_000)
})

test('every other long message is shortened', async () => {
  const field = 'setImageStreamTrust(input: { imageStream: "app", requirements: [], resourceVersion: $text })'
  const fields = Array.from({ length: 40 }, (_, at) => `a${at}: ${field} { imageStream { id } }`)

  const response = await send(`mutation ($text: String!) { ${fields.join(' ')} }`, { text: other })

  const { errors } = await response.json()
  expect(errors[0].extensions).toEqual({ code: 'CONFLICT' })
  expect(errors[0].message).toMatch(/^default\/app is at resourceVersion 1, not b+ … b+: read it again$/)
  expect(errors[0].message.length).toBeLessThan(2_000)
})

test('the keys to remove are compared with the keys to set in one pass', () => {
  const keys = (letter: string) => Array.from({ length: 30_000 }, (_, at) => `${letter}${at.toString(36)}`)
  const set = keys('s').map((key) => ({ key, value: '' }))
  const remove = keys('r')

  const milliseconds = cpuTime(() => changeKeyValues('[]', { set, remove }, 'Labels'))

  expect(milliseconds).toBeLessThan(500)
})
