import { describe, expect, it } from 'vitest'
import { parseCreated, parseImageConfig } from '../../src/oci/image-config.ts'
import { image } from '../fixtures/random-image.ts'

const EMPTY = {
  created: null,
  platform: null,
  user: null,
  workingDir: null,
  env: [],
  entrypoint: null,
  cmd: null,
  exposedPorts: [],
  volumes: [],
  labels: {},
  stopSignal: null,
  diffIds: [],
}

describe('an image config', () => {
  it('contains how the image runs', () => {
    const platform = { os: 'linux', architecture: 'arm', variant: 'v7' }
    const { config } = image({ seed: 1, platform, created: new Date('2020-02-02T00:00:00Z') })

    expect(parseImageConfig(config.bytes.toString())).toMatchObject({
      created: new Date('2020-02-02T00:00:00Z'),
      platform,
      workingDir: '/srv',
      cmd: ['--serve'],
      labels: { 'test.seed': '1' },
    })
  })

  it('lists ports and volumes in order', () => {
    const config = { ExposedPorts: { '80/tcp': {}, '443/tcp': {} }, Volumes: { '/b': {}, '/a': {} } }

    expect(parseImageConfig(JSON.stringify({ config }))).toMatchObject({
      exposedPorts: ['443/tcp', '80/tcp'],
      volumes: ['/a', '/b'],
    })
  })

  it.each([
    '',
    'null',
    '[]',
    '"text"',
    '{',
    '{"config":[],"created":5}',
    '{"config":{"Env":"A=1","Cmd":null}}',
  ])('%j is an unusual but valid config', (text) => {
    expect(parseImageConfig(text)).toEqual(EMPTY)
  })

  it('omits malformed values, and keeps a label named __proto__', () => {
    const text = '{"config":{"Env":["A=1",5,null],"Labels":{"a":1,"__proto__":"x"}},"os":"linux"}'

    const { env, labels, platform } = parseImageConfig(text)

    expect(env).toEqual(['A=1'])
    expect(Object.entries(labels)).toEqual([['__proto__', 'x']])
    expect(platform).toBeNull()
  })
})

describe('when an image was created', () => {
  it.each(['1970-01-01T00:00:00Z', '0001-01-01T00:00:00Z', 'yesterday', '', null, 5])(
    'is unknown for %j: years 1970 and 1 are placeholders',
    (value) => {
      expect(parseCreated(value)).toBeNull()
    },
  )

  it('is parsed with nanoseconds, and truncated to milliseconds', () => {
    expect(parseCreated('2024-05-06T07:08:09.123456789+02:00')?.toISOString()).toBe(
      '2024-05-06T05:08:09.123Z',
    )
  })
})
