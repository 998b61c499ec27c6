import { describe, expect, test } from 'vitest'
import { desiredChanges } from '../../../src/kubernetes/workload/desired-changes.ts'
import type { ResolveTag } from '../../../src/kubernetes/workload/image-trigger.ts'
import { workload } from '../../fixtures/kubernetes/manifests.ts'

const APP = 'registry.example/shop/app@sha256:aaa'
const RUBY = 'registry.example/base/ruby@sha256:bbb'
const IMAGES: Readonly<Record<string, string>> = { 'shop/app:latest': APP, 'base/ruby:3.3': RUBY }
const resolve: ResolveTag = ({ namespace, name }) => IMAGES[`${namespace}/${name}`]

const POD_SPEC = 'spec.template.spec'
const byName = (name: string) => `${POD_SPEC}.containers[?(@.name=="${name}")].image`
const trigger = (parts: object = {}) => ({
  from: { kind: 'ImageStreamTag', name: 'app:latest' },
  fieldPath: byName('web'),
  ...parts,
})

interface Given {
  readonly kind?: string
  /** Triggers, or the text of the annotation. */
  readonly triggers: readonly object[] | string
  readonly containers?: Readonly<Record<string, string>>
}

/** Returns the images that are set, by container, and the reasons of the conditions. */
function outcomeOf({ kind = 'Deployment', triggers, containers = { web: 'web:1', log: 'log:1' } }: Given) {
  const text = typeof triggers === 'string' ? triggers : JSON.stringify(triggers)
  const object = workload(kind, {
    namespace: 'shop',
    annotations: { 'image.openshift.io/triggers': text },
    containers,
    initContainers: { setup: 'setup:1' },
  })
  const { changes, conditions } = desiredChanges(object, resolve)
  return {
    images: Object.fromEntries(changes.map(({ container, to }) => [container.name, to])),
    reasons: conditions.map(({ reason }) => reason),
    conditions,
  }
}
const imagesOf = (triggers: readonly object[], containers?: Readonly<Record<string, string>>) =>
  outcomeOf({ triggers, ...(containers && { containers }) })

describe('rule 1: the annotation is a list of sources with a field path', () => {
  test('whose namespace is by default that of the object', () => {
    const other = { kind: 'ImageStreamTag', name: 'ruby:3.3', namespace: 'base' }

    expect(imagesOf([trigger()]).images).toEqual({ web: APP })
    expect(imagesOf([trigger({ from: other })]).images).toEqual({ web: RUBY })
  })

  test('of at most 100 entries: of more none applies, and of unknown keys three are named', () => {
    const many = Array.from({ length: 101 }, (_, at) => trigger({ fieldPath: byName(`web-${at}`) }))
    expect(imagesOf(many)).toMatchObject({ images: {}, reasons: ['TRIGGERS_TOO_MANY'] })
    const unknown = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`key-${at}`, true]))
    expect(imagesOf([trigger(unknown)])).toMatchObject({
      images: { web: APP },
      reasons: Array(3).fill('KEY_UNKNOWN'),
    })
  })

  test.each(['DockerImage', 'ImageStreamImage', 'ImageStream', 'imagestreamtag', undefined])(
    'of which one of kind %s is passed over, with a condition',
    (kind) => {
      const { images, conditions } = imagesOf([
        trigger({ from: { kind, name: 'app:latest' } }),
        trigger({ fieldPath: byName('log') }),
      ])

      expect(images).toEqual({ log: APP })
      expect(conditions).toMatchObject([
        {
          reason: 'SOURCE_INVALID',
          fieldPath: byName('web'),
          remedy: expect.stringContaining('ImageStreamTag'),
        },
      ])
    },
  )

  test.each(['app', 'app@sha256:abc', '', ':latest'])('of which one named %j is passed over', (name) => {
    expect(imagesOf([trigger({ from: { kind: 'ImageStreamTag', name } })])).toMatchObject({
      images: {},
      reasons: ['SOURCE_INVALID'],
    })
  })

  test.each(['null', '[]'])('that may be empty: %s', (triggers) => {
    expect(outcomeOf({ triggers })).toMatchObject({ images: {}, reasons: [] })
  })

  test.each([
    'yes',
    '{}',
    '[1]',
    '[{}] [{}]',
    '[{"from":"app:latest","fieldPath":"x"}]',
    '[{"from":{},"fieldPath":7}]',
    `${'['.repeat(1000)}${']'.repeat(1000)}`,
  ])('and refused as a whole if it is not: %s', (triggers) => {
    const { images, conditions } = outcomeOf({ triggers })

    expect(images).toEqual({})
    expect(conditions).toMatchObject([
      { reason: 'ANNOTATION_INVALID', remedy: expect.stringContaining('write it like [{"from":{"kind":') },
    ])
  })

  test('whose keys may have any case, as in Go', () => {
    const from = { Kind: 'ImageStreamTag', NAME: 'app:latest' }
    expect(imagesOf([{ From: from, fieldpath: byName('web') }])).toMatchObject({
      images: { web: APP },
      reasons: [],
    })
  })
})

describe('rule 2: the field path leads to the image of a container in the pod spec', () => {
  test.each([
    ['Pod', 'spec'],
    ['Deployment', POD_SPEC],
    ['StatefulSet', POD_SPEC],
    ['DaemonSet', POD_SPEC],
    ['ReplicaSet', POD_SPEC],
    ['DeploymentConfig', POD_SPEC],
    ['CronJob', 'spec.jobTemplate.spec.template.spec'],
  ])('which in a %s is at %s', (kind, podSpec) => {
    const triggers = [trigger({ fieldPath: `${podSpec}.containers[?(@.name=="web")].image` })]
    expect(outcomeOf({ kind, triggers }).images).toEqual({ web: APP })
  })

  test.each([
    ['by its index', 'containers[1]', 'log'],
    ['by the index of an init container', 'initContainers[0]', 'setup'],
    ['by its name', 'containers[?(@.name=="log")]', 'log'],
    ['by the name of an init container among containers', 'containers[?(@.name=="setup")]', 'setup'],
    ['by the name of a container among init containers', 'initContainers[?(@.name=="web")]', 'web'],
    ['with single quotation marks', `containers[?(@.name=='web')]`, 'web'],
    ['with one equals sign, as documents of 4.4 show', `containers[?(@.name='web')]`, 'web'],
    ['with spaces', `containers[?( @.name == "web" )]`, 'web'],
  ])('%s', (_, path, container) => {
    expect(imagesOf([trigger({ fieldPath: `${POD_SPEC}.${path}.image` })])).toMatchObject({
      images: { [container]: APP },
      reasons: [],
    })
  })

  test.each([
    'containers[0].name',
    'containers[0]',
    'containers.image',
    'containers[?(@.image=="x")].image',
    'containers[?(@.name=="web)].image',
    `containers[?(@.name=="web')].image`,
    'containers[-1].image',
    'volumes[0].image',
    'containers[0].image.tag',
    'ephemeralContainers[0].image',
  ])('and nothing else, or none of the triggers applies: %s', (path) => {
    const outcome = imagesOf([
      trigger({ fieldPath: byName('log') }),
      trigger({ fieldPath: `${POD_SPEC}.${path}` }),
    ])

    expect(outcome).toMatchObject({ images: {}, reasons: ['FIELD_PATH_INVALID'] })
    expect(outcome.conditions[0]?.remedy).toContain('spec.template.spec.containers[?(@.name=="NAME")].image')
  })
})

describe('rule 3: a mistake', () => {
  test('of the same field path twice refuses the whole annotation, also while one is paused', () => {
    const twice = [trigger(), trigger({ paused: true }), trigger({ fieldPath: byName('log') })]

    expect(imagesOf(twice)).toMatchObject({ images: {}, reasons: ['FIELD_PATH_REPEATED'] })
  })

  test('of two paths to one container lets the last apply, with a condition', () => {
    const ruby = { kind: 'ImageStreamTag', name: 'ruby:3.3', namespace: 'base' }
    const byIndex = trigger({ fieldPath: `${POD_SPEC}.containers[0].image`, from: ruby })

    expect(imagesOf([trigger(), byIndex])).toMatchObject({
      images: { web: RUBY },
      reasons: ['CONTAINER_REPEATED'],
    })
  })

  test.each(['spec.containers[0].image', 'metadata.labels', '', 'template.spec.containers[0].image'])(
    'of a path outside the pod spec passes the trigger over: %j',
    (fieldPath) => {
      const outcome = imagesOf([trigger({ fieldPath }), trigger()])

      expect(outcome).toMatchObject({ images: { web: APP }, reasons: ['FIELD_PATH_OUTSIDE'] })
      expect(outcome.conditions[0]?.remedy).toBe('begin it with spec.template.spec.')
    },
  )

  test.each([byName('wep'), `${POD_SPEC}.containers[7].image`])(
    'of a missing container leaves the object as it is, and names the containers: %s',
    (fieldPath) => {
      const outcome = imagesOf([trigger(), trigger({ fieldPath })])

      expect(outcome).toMatchObject({ images: {}, reasons: ['CONTAINER_UNKNOWN'] })
      expect(outcome.conditions[0]).toMatchObject({ fieldPath, remedy: 'name one of "setup", "web", "log"' })
    },
  )
})

describe('rule 4: a trigger is skipped', () => {
  test.each([true, 'true'])('while paused is %j', (paused) => {
    expect(imagesOf([trigger({ paused }), trigger({ fieldPath: byName('log') })])).toMatchObject({
      images: { log: APP },
      reasons: ['PAUSED'],
    })
  })

  test.each([false, 'false', null])('but not while paused is %j', (paused) => {
    expect(imagesOf([trigger({ paused })])).toMatchObject({ images: { web: APP }, reasons: [] })
  })

  test.each(['yes', 'True', 1, '', {}])('and all are if paused is %j, with a condition', (paused) => {
    const { images, conditions } = imagesOf([trigger({ paused }), trigger({ fieldPath: byName('log') })])

    expect(images).toEqual({})
    expect(conditions).toMatchObject([
      { reason: 'PAUSED_INVALID', remedy: 'write true or false without quotation marks, or leave it out' },
    ])
  })

  test('but not by a misspelt key, which has a condition', () => {
    const { images, conditions } = imagesOf([trigger({ pause: true, note: 'x' })])

    expect(images).toEqual({ web: APP })
    expect(conditions).toMatchObject(
      [
        { reason: 'KEY_UNKNOWN', message: 'the key "pause" is unknown and has no effect', remedy: /paused/ },
        { reason: 'KEY_UNKNOWN', message: 'the key "note" is unknown and has no effect' },
      ].map(({ remedy, ...rest }) => ({ ...rest, remedy: expect.stringMatching(remedy ?? /remove it/) })),
    )
  })

  test('while its tag has no image, and the others go on', () => {
    const from = { kind: 'ImageStreamTag', name: 'app:next' }
    const outcome = imagesOf([trigger({ from }), trigger({ fieldPath: byName('log') })])

    expect(outcome).toMatchObject({ images: { log: APP }, reasons: ['TAG_UNKNOWN'] })
    expect(outcome.conditions[0]).toMatchObject({
      message: 'the tag shop/app:next has no image yet',
      remedy: 'push or import it: the image is set as soon as the tag has one',
    })
  })

  test('with its wrong container while its tag has no image', () => {
    const from = { kind: 'ImageStreamTag', name: 'app:next' }
    const outcome = imagesOf([trigger({ from, fieldPath: byName('wep') }), trigger()])

    expect(outcome).toMatchObject({ images: { web: APP }, reasons: ['CONTAINER_UNKNOWN', 'TAG_UNKNOWN'] })
  })
})

describe('rule 5: images are compared', () => {
  test('and nothing changes where they are equal', () => {
    expect(imagesOf([trigger()], { web: APP })).toMatchObject({ images: {}, reasons: [] })
  })

  test('and an empty or old image is replaced', () => {
    expect(imagesOf([trigger()], { web: ' ' }).images).toEqual({ web: APP })
    expect(imagesOf([trigger()], { web: 'registry.example/shop/app@sha256:old' }).images).toEqual({
      web: APP,
    })
  })

  test('and all changes of an object are one update', () => {
    const triggers = [
      trigger(),
      trigger({ fieldPath: byName('log') }),
      trigger({ fieldPath: byName('setup') }),
    ]
    expect(imagesOf(triggers).images).toEqual({ web: APP, log: APP, setup: APP })
  })
})

describe('an annotated object', () => {
  const annotated = (kind: string, more: object = {}) => {
    const object = workload(kind, { namespace: 'shop' })
    const annotations = { 'image.openshift.io/triggers': JSON.stringify([trigger()]) }
    return { ...object, metadata: { ...object.metadata, annotations, ...more } }
  }

  test('that is a Job cannot change, which is a condition', () => {
    const { changes, conditions } = desiredChanges(annotated('Job'), resolve)

    expect(changes).toEqual([])
    expect(conditions).toMatchObject([{ reason: 'IMMUTABLE', remedy: expect.stringContaining('CronJob') }])
  })

  test('that another workload has made is left to that one, whose annotations it has', () => {
    const of = (kind: string, controller = true) => ({ ownerReferences: [{ kind, name: 'web', controller }] })

    expect(desiredChanges(annotated('ReplicaSet', of('Deployment')), resolve).changes).toEqual([])
    expect(desiredChanges(annotated('ReplicaSet', of('Rollout')), resolve).changes).toHaveLength(1)
    expect(desiredChanges(annotated('ReplicaSet', of('Deployment', false)), resolve).changes).toHaveLength(1)
  })

  test.each(['Service', undefined])('of kind %s has no triggers', (kind) => {
    expect(desiredChanges({ ...annotated('Deployment'), kind }, resolve)).toEqual({
      changes: [],
      conditions: [],
    })
  })

  test.each([{}, { metadata: 7 }, { spec: [] }, { spec: { template: { spec: { containers: [7, {}] } } } }])(
    'of a hostile server changes nothing: %j',
    (parts) => {
      expect(desiredChanges({ ...annotated('Deployment'), ...parts }, resolve)).toBeDefined()
    },
  )
})
