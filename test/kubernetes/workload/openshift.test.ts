import { describe, expect, test } from 'vitest'
import { desiredBuild } from '../../../src/kubernetes/workload/build-config.ts'
import { desiredChanges } from '../../../src/kubernetes/workload/desired-changes.ts'
import { buildConfig, workload } from '../../fixtures/kubernetes/manifests.ts'

const APP = 'registry.example/shop/app@sha256:aaa'
const RUBY = 'registry.example/shop/ruby@sha256:bbb'
const OLD = 'registry.example/shop/app@sha256:old'
const IMAGES: Readonly<Record<string, string>> = {
  'shop/app:latest': APP,
  'shop/ruby:3.3': RUBY,
  'base/ruby:3.3': RUBY,
}
const resolve = ({ namespace, name }: { namespace: string; name: string }) => IMAGES[`${namespace}/${name}`]
const tag = (name: string, more: object = {}) => ({ kind: 'ImageStreamTag', name, ...more })

describe('the triggers of a DeploymentConfig', () => {
  const parameters = (more: object = {}) => ({
    automatic: true,
    containerNames: ['web'],
    from: tag('app:latest'),
    ...more,
  })
  const config = (triggers: readonly object[], image = 'web:1') => {
    const object = workload('DeploymentConfig', {
      namespace: 'shop',
      containers: { web: image, log: 'log:1' },
      initContainers: { setup: 'setup:1' },
    })
    const all = triggers.map((imageChangeParams) => ({ type: 'ImageChange', imageChangeParams }))
    return { ...object, spec: { ...object.spec, triggers: [{ type: 'ConfigChange' }, ...all] } }
  }
  const outcomeOf = (object: ReturnType<typeof config>) => {
    const { changes, conditions, triggers } = desiredChanges(object, resolve)
    return {
      images: Object.fromEntries(changes.map(({ container, to }) => [container.name, to])),
      reasons: conditions.map(({ reason }) => reason),
      triggers,
    }
  }
  const recorded = (...parts: readonly object[]) => [
    { type: 'ConfigChange' },
    ...parts.map((imageChangeParams) => ({ type: 'ImageChange', imageChangeParams })),
  ]

  test('set the image of the named containers, and record it in the trigger', () => {
    const containerNames = ['web', 'setup']

    expect(outcomeOf(config([parameters({ containerNames })]))).toEqual({
      images: { setup: APP, web: APP },
      reasons: [],
      triggers: recorded(parameters({ containerNames, lastTriggeredImage: APP })),
    })
  })

  test('record an image that the containers have already: OpenShift rolls out nothing before', () => {
    expect(outcomeOf(config([parameters()], APP))).toEqual({
      images: {},
      reasons: [],
      triggers: recorded(parameters({ lastTriggeredImage: APP })),
    })
  })

  test('heal an image that was replaced, and change nothing where all are equal', () => {
    const known = parameters({ lastTriggeredImage: APP })

    expect(outcomeOf(config([known], OLD))).toEqual({
      images: { web: APP },
      reasons: [],
      triggers: undefined,
    })
    expect(outcomeOf(config([known], APP))).toEqual({ images: {}, reasons: [], triggers: undefined })
  })

  test('wait until each automatic trigger had an image once', () => {
    const next = parameters({ from: tag('app:next'), containerNames: ['log'] })

    expect(outcomeOf(config([parameters(), next]))).toEqual({
      images: {},
      reasons: ['TAG_UNKNOWN'],
      triggers: undefined,
    })
    const before = { ...next, lastTriggeredImage: OLD }
    expect(outcomeOf(config([parameters(), before])).images).toEqual({ web: APP, log: OLD })
  })

  test('that are not automatic, or have another source, do nothing', () => {
    const image = { kind: 'ImageStreamImage', name: 'app@sha256:aaa' }
    const triggers = [parameters({ automatic: false }), parameters({ from: image })]

    expect(outcomeOf(config(triggers))).toEqual({
      images: {},
      reasons: ['SOURCE_INVALID'],
      triggers: undefined,
    })
  })

  test('with an unknown container set the others, with a condition', () => {
    expect(outcomeOf(config([parameters({ containerNames: ['web', 'wep'] })]))).toMatchObject({
      images: { web: APP },
      reasons: ['CONTAINER_UNKNOWN'],
    })
  })

  test('have precedence over its annotation', () => {
    const object = config([parameters()])
    const fieldPath = 'spec.template.spec.containers[0].image'
    const annotations = {
      'image.openshift.io/triggers': JSON.stringify([{ from: tag('ruby:3.3'), fieldPath }]),
    }
    const both = { ...object, metadata: { ...object.metadata, annotations } }

    expect(outcomeOf(both).images).toEqual({ web: APP })
  })
})

describe('rule 7: the image change triggers of a BuildConfig', () => {
  const config = (triggers: readonly object[], more: { annotations?: object; status?: object } = {}) => {
    const object = buildConfig({ triggers: triggers.map((one) => ({ ...one })) })
    const { status, annotations } = more
    const metadata = { ...object.metadata, namespace: 'shop', ...(annotations && { annotations }) }
    return { ...object, metadata, ...(status && { status }) }
  }
  const status = (name: string, lastTriggeredImageID: string) => ({
    imageChangeTriggers: [{ from: { name }, lastTriggeredImageID }],
  })
  const causesOf = (object: object) =>
    desiredBuild({ ...object }, resolve).request?.triggeredBy.map(({ imageChangeBuild }) => imageChangeBuild)

  test('request a build with the image of the strategy', () => {
    expect(desiredBuild(config([{}]), resolve)).toEqual({
      request: {
        apiVersion: 'build.openshift.io/v1',
        kind: 'BuildRequest',
        metadata: { name: 'app', namespace: 'shop' },
        from: tag('ruby:3.3'),
        triggeredByImage: { kind: 'DockerImage', name: RUBY },
        triggeredBy: [
          { message: 'Image change', imageChangeBuild: { imageID: RUBY, fromRef: tag('ruby:3.3') } },
        ],
      },
      conditions: [],
    })
  })

  test.each(['dockerStrategy', 'customStrategy', 'sourceStrategy'])('find the image of a %s', (name) => {
    const object = config([{}])
    const strategy = { [name]: { from: tag('app:latest') } }

    expect(causesOf({ ...object, spec: { ...object.spec, strategy } })).toMatchObject([{ imageID: APP }])
  })

  test('are one cause for each source, in one build', () => {
    const triggers = [{}, { from: tag('app:latest') }, { from: tag('ruby:3.3') }]

    expect(causesOf(config(triggers))).toEqual([
      { imageID: RUBY, fromRef: tag('ruby:3.3') },
      { imageID: APP, fromRef: tag('app:latest') },
    ])
  })

  test('request nothing if the image was built, by the status, or by the spec before 4.8', () => {
    expect(causesOf(config([{ lastTriggeredImageID: RUBY }]))).toBeUndefined()
    expect(causesOf(config([{}], { status: status('ruby:3.3', RUBY) }))).toBeUndefined()
    expect(causesOf(config([{ lastTriggeredImageID: OLD }]))).toHaveLength(1)
  })

  test('request a build for a rollback to an image that only an old spec has', () => {
    expect(
      causesOf(config([{ lastTriggeredImageID: RUBY }], { status: status('ruby:3.3', OLD) })),
    ).toHaveLength(1)
  })

  test('compare the image of a source in another namespace with its own status', () => {
    const from = tag('ruby:3.3', { namespace: 'base' })
    const imageChangeTriggers = [
      { from: { name: 'ruby:3.3', namespace: 'base' }, lastTriggeredImageID: RUBY },
    ]

    expect(causesOf(config([{ from }], { status: status('ruby:3.3', RUBY) }))).toHaveLength(1)
    expect(causesOf(config([{ from }], { status: { imageChangeTriggers } }))).toBeUndefined()
  })

  test('that are paused, or have no tag as source, or a tag without an image, request nothing', () => {
    const { request, conditions } = desiredBuild(
      config([{ paused: true }, { from: { kind: 'DockerImage', name: 'ruby' } }, { from: tag('app:next') }]),
      resolve,
    )

    expect(request).toBeUndefined()
    expect(conditions.map(({ reason, fieldPath }) => [reason, fieldPath])).toEqual([
      ['SOURCE_INVALID', 'spec.triggers[1].imageChange'],
      ['TAG_UNKNOWN', 'spec.triggers[2].imageChange'],
    ])
  })

  test('of a paused BuildConfig have a condition, once there is something to build', () => {
    const annotations = { 'openshift.io/build-config.paused': 'true' }

    expect(desiredBuild(config([{}], { annotations }), resolve)).toMatchObject({
      conditions: [
        { reason: 'BUILD_CONFIG_PAUSED', remedy: expect.stringContaining('remove the annotation') },
      ],
    })
    expect(desiredBuild(config([{ lastTriggeredImageID: RUBY }], { annotations }), resolve)).toEqual({
      conditions: [],
    })
  })
})
