import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTagServer, type TagServer } from './tag-server.ts'
import { MOVES, REMOVALS, SERVER_MOVES, type Way } from './ways-to-move-a-tag.ts'

let server: TagServer
let editor: string
let count = 0

beforeAll(async () => {
  server = await startTagServer()
  editor = await server.tokenOf('EDITOR')
  await server.member.request(`mutation {
    protectTags(input: { imageStreams: "team/safe-*", tags: "v*", exceptRoles: [ADMIN] }) { tagProtection { id } } }`)
})
afterAll(() => server[Symbol.asyncDispose]())

/** Tries a way on the tag of a new stream. Returns the response, and what the tag is then. */
async function attempt(way: Way, secret: string, prefix: 'safe' | 'free') {
  const stream = `${prefix}-${count++}`
  await server.addStream(stream)
  const { isRefused, text } = await way(server, secret, stream)
  return {
    stream,
    isRefused,
    text,
    digest: await server.digestOf(stream),
    isWhole: await server.isWhole(stream),
  }
}
const whole = () => ({ digest: server.images.first.digest, isWhole: true })

describe.each(Object.entries(MOVES))('%s', (_, way) => {
  test('moves a tag that is not protected, and a protected one only for an excepted role', async () => {
    const { other } = server.images
    expect(await attempt(way, editor, 'free')).toMatchObject({ digest: other.digest })
    expect(await attempt(way, server.memberSecret, 'safe')).toMatchObject({ digest: other.digest })
    const refused = await attempt(way, editor, 'safe')
    expect(refused).toMatchObject(whole())
    expect(refused.text).toContain(`${refused.stream}:v1 is protected`)
  })
})

describe.each(Object.entries(REMOVALS))('%s', (_, way) => {
  test('removes what is not protected, and what is protected only for an excepted role', async () => {
    expect(await attempt(way, editor, 'free')).toMatchObject({ isRefused: false, isWhole: false })
    expect(await attempt(way, server.memberSecret, 'safe')).toMatchObject({
      isRefused: false,
      isWhole: false,
    })
    const refused = await attempt(way, editor, 'safe')
    expect(refused).toMatchObject({ isRefused: true, ...whole() })
    expect(refused.text).toContain(`${refused.stream}:v1 is protected`)
  })
})

describe.each(Object.entries(SERVER_MOVES))('%s', (_, way) => {
  test('moves a tag that is not protected, and a protected one for no one, with a condition', async () => {
    expect(await attempt(way, editor, 'free')).toMatchObject({ digest: server.images.other.digest })
    const refused = await attempt(way, server.memberSecret, 'safe')
    expect(refused).toMatchObject(whole())
    const { imageStreamTag } = await server.member.request<{ imageStreamTag: object }>(
      `{ imageStreamTag(namespace: "team", name: "${refused.stream}:v1") { conditions { reason } } }`,
    )
    expect(imageStreamTag).toEqual({ conditions: [{ reason: 'PROTECTED_TAG' }] })
  })
})

test('a refusal names the protection, who set it and who may move the tag', async () => {
  const { text } = await attempt(MOVES['tagImage, a copy'] as Way, editor, 'safe')
  expect(text).toContain(`is protected (\\"safe-*:v*\\" by ${server.memberId} on `)
  expect(text).toContain('only ADMIN')
})

test('a role that has not all rights of an excepted one is not excepted, and a protection without roles has no exceptions', async () => {
  await server.member.request(`mutation {
    protectTags(input: { imageStreams: "team/safe-*", tags: "v*", exceptRoles: [EDITOR] }) { tagProtection { id } } }`)
  const [importer, token] = [await server.tokenOf('IMPORTER'), await server.tokenOf('ADMIN')]
  const copy = MOVES['tagImage, a copy'] as Way
  expect(await attempt(copy, importer, 'safe')).toMatchObject({ isRefused: true, ...whole() })
  expect(await attempt(copy, token, 'safe')).toMatchObject({ isRefused: false })

  await server.member.request(`mutation {
    protectTags(input: { imageStreams: "team/safe-*", tags: "v*" }) { tagProtection { id } } }`)
  expect(await attempt(copy, server.memberSecret, 'free')).toMatchObject({ isRefused: false })
  await server.addStream('free-last')
  await server.member.request(`mutation {
    protectTags(input: { namespace: "team", imageStreams: "free-last", tags: "v*" }) { tagProtection { id } } }`)
  expect(await copy(server, server.memberSecret, 'free-last')).toMatchObject({ isRefused: true })
})

test.each([
  ['App', 'v*', 'imageStreams must be a pattern'],
  ['app', 'a/b', 'tags must be a pattern'],
  ['*/app', 'v*', 'names all namespaces: write one of them'],
])('a protection of %s:%s, which would protect nothing, is refused', async (imageStreams, tags, message) => {
  const refused = await server.member.execute(
    `mutation { protectTags(input: { imageStreams: "${imageStreams}", tags: "${tags}", ${imageStreams.includes('/') ? '' : 'namespace: "team"'} }) { tagProtection { id } } }`,
  )
  expect(refused.errors).toMatchObject([
    { message: expect.stringContaining(message), extensions: { code: 'INVALID' } },
  ])
})
