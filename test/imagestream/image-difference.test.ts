import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  environmentChanges,
  labelChanges,
  layerDifference,
  pairByPlatform,
  settingChanges,
  sizeOfLayers,
} from '../../src/imagestream/image/image-difference.ts'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { formatPlatform, type Platform } from '../../src/oci/descriptor.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { type ImageConfig, parseImageConfig } from '../../src/oci/image-config.ts'

const layer = (content: number | string, size = 10): Descriptor => ({
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest: digestOf(String(content)),
  size,
  annotations: {},
})

const config = (run: object): ImageConfig => parseImageConfig(JSON.stringify({ config: run }))

describe('the layers of two images', () => {
  it('are shared, removed or added, in order and with their sizes', () => {
    const [base, old, patch, app] = [layer('base', 100), layer('old', 7), layer('patch', 3), layer('app', 5)]

    const difference = layerDifference([base, old, app], [base, patch, app])

    expect(difference).toEqual({ shared: [base, app], removed: [old], added: [patch] })
    expect(sizeOfLayers(difference.shared)).toBe(105)
    expect(sizeOfLayers([])).toBe(0)
  })

  it('are counted once if an image has one twice, as in a pull', () => {
    const [empty, a, b] = [layer('empty', 32), layer('a'), layer('b')]

    expect(layerDifference([empty, a, empty], [empty, empty, b, b])).toEqual({
      shared: [empty],
      removed: [a],
      added: [b],
    })
  })

  it('are each in one of the three lists, and symmetric', () => {
    const layers = fc.array(
      fc.nat(6).map((content) => layer(content)),
      { maxLength: 10 },
    )
    fc.assert(
      fc.property(layers, layers, (from, to) => {
        const { shared, removed, added } = layerDifference(from, to)
        const digests = (all: readonly Descriptor[]) => all.map(({ digest }) => digest)

        expect(new Set(digests([...shared, ...removed]))).toEqual(new Set(digests(from)))
        expect(new Set(digests([...shared, ...added]))).toEqual(new Set(digests(to)))
        const all = digests([...shared, ...removed, ...added])
        expect(new Set(all).size).toBe(all.length)
        const back = layerDifference(to, from)
        expect([digests(back.removed), digests(back.added)]).toEqual([digests(added), digests(removed)])
      }),
    )
  })
})

describe('the configs of two images', () => {
  it('differ in variables that were added, removed or changed, by name', () => {
    const from = config({ Env: ['PATH=/bin', 'RUBY=3.2', 'OLD=1', 'EMPTY='] })
    const to = config({ Env: ['NEW=a=b', 'RUBY=3.3', 'PATH=/bin', 'BARE'] })

    expect(environmentChanges(from, to)).toEqual([
      { key: 'BARE', from: null, to: '' },
      { key: 'EMPTY', from: '', to: null },
      { key: 'NEW', from: null, to: 'a=b' },
      { key: 'OLD', from: '1', to: null },
      { key: 'RUBY', from: '3.2', to: '3.3' },
    ])
    expect(
      environmentChanges(from, config({ Env: ['EMPTY=', 'OLD=1', 'RUBY=9', 'PATH=/bin', 'RUBY=3.2'] })),
    ).toEqual([])
  })

  it('differ in labels, also those named like properties of objects', () => {
    const from = config({ Labels: { version: '1', constructor: 'x' } })
    const to = config({ Labels: JSON.parse('{ "version": "2", "__proto__": "y" }') })

    expect(labelChanges(from, to)).toEqual([
      { key: '__proto__', from: null, to: 'y' },
      { key: 'constructor', from: 'x', to: null },
      { key: 'version', from: '1', to: '2' },
    ])
  })

  it('differ in settings, where an empty list is the same as none', () => {
    const from = config({ User: 'root', Entrypoint: ['ruby', '-v'], Cmd: [], ExposedPorts: { '80/tcp': {} } })
    const to = config({ User: 'app', WorkingDir: '/srv', Entrypoint: ['ruby', '-v'], Volumes: {} })

    expect(settingChanges(from, to)).toEqual([
      { field: 'user', from: 'root', to: 'app' },
      { field: 'workingDir', from: null, to: '/srv' },
      { field: 'exposedPorts', from: ['80/tcp'], to: null },
    ])
    expect(settingChanges(config({ Cmd: ['a b'] }), config({ Cmd: ['a', 'b'] }))).toEqual([
      { field: 'cmd', from: ['a b'], to: ['a', 'b'] },
    ])
  })

  it('differ in everything from an image without a config', () => {
    const run = config({ Env: ['A=1'], Labels: { l: '2' }, User: 'u' })

    expect(environmentChanges(null, run)).toEqual([{ key: 'A', from: null, to: '1' }])
    expect(labelChanges(run, null)).toEqual([{ key: 'l', from: '2', to: null }])
    expect(settingChanges(null, run)).toEqual([{ field: 'user', from: null, to: 'u' }])
    expect([environmentChanges(null, null), settingChanges(null, null)]).toEqual([[], []])
  })
})

describe('the images of two indexes', () => {
  const child = (content: string, platform?: Platform, annotations: Record<string, string> = {}) => ({
    descriptor: { ...layer(content), ...(platform && { platform }), annotations },
  })
  const linux = (architecture: string, variant?: string): Platform => ({
    os: 'linux',
    architecture,
    ...(variant && { variant }),
  })
  const described = (pairs: ReturnType<typeof pairByPlatform<ReturnType<typeof child>>>) =>
    pairs.map(({ platform, from, to }) => [platform && formatPlatform(platform), Boolean(from), Boolean(to)])

  it('are paired by platform, with those that only the older has last', () => {
    const from = [child('1', linux('amd64')), child('2', linux('s390x')), child('3', linux('arm', 'v5'))]
    const to = [child('4', linux('arm', 'v7')), child('5', linux('amd64'))]

    const pairs = pairByPlatform(from, to)

    expect(described(pairs)).toEqual([
      ['linux/arm/v7', false, true],
      ['linux/amd64', true, true],
      ['linux/s390x', true, false],
      ['linux/arm/v5', true, false],
    ])
    expect(pairs[1]).toMatchObject({ from: from[0], to: to[1] })
  })

  it.each([
    ['arm64', 'v8'],
    ['arm', 'v7'],
    ['amd64', 'v1'],
  ])('are of one platform if %s names the default variant, %s', (architecture, variant) => {
    const [plain, exact] = [child('1', linux(architecture)), child('2', linux(architecture, variant))]

    expect(pairByPlatform([plain], [exact])).toHaveLength(1)
    expect(pairByPlatform([exact], [plain])).toHaveLength(1)
    expect(pairByPlatform([plain], [child('3', linux(architecture, 'v3'))])).toHaveLength(2)
  })

  it('are paired in order where several have the same platform or none', () => {
    const windows = { os: 'windows', architecture: 'amd64' }
    const from = [child('1', windows), child('2', windows), child('3')]
    const to = [child('4', windows), child('5')]

    const pairs = pairByPlatform(from, to)

    expect(pairs.map((pair) => [pair.from, pair.to])).toEqual([
      [from[0], to[0]],
      [from[2], to[1]],
      [from[1], null],
    ])
  })

  it('do not include attestations', () => {
    const attestation = child('1', { os: 'unknown', architecture: 'unknown' })
    const marked = child('2', undefined, { 'vnd.docker.reference.type': 'attestation-manifest' })

    expect(pairByPlatform([attestation], [marked, attestation])).toEqual([])
  })
})
