import { expect, test } from 'vitest'
import { triggersOf } from '../../../src/kubernetes/workload/triggers-of.ts'
import type { Json } from '../../../src/oci/json.ts'
import { buildConfig, workload } from '../../fixtures/kubernetes/manifests.ts'

const from = { kind: 'ImageStreamTag', name: 'app:latest' }
const fieldPath = 'spec.template.spec.containers[0].image'
const annotations = { 'image.openshift.io/triggers': JSON.stringify([{ from, fieldPath, paused: true }]) }
const config = workload('DeploymentConfig', { namespace: 'shop', annotations })
const triggers = [{ type: 'ImageChange', imageChangeParams: { automatic: true, from } }]
const source = { namespace: 'shop', name: 'app:latest' }
const annotated = { source, fieldPath, isPaused: true }

test.each([
  [
    'a workload, of which metadata is enough',
    { ...workload('Deployment', { namespace: 'shop', annotations }), spec: {} },
    [annotated],
  ],
  [
    'a DeploymentConfig',
    { ...config, spec: { ...config.spec, triggers } },
    [annotated, { source, fieldPath: 'spec.triggers[0].imageChangeParams', isPaused: false }],
  ],
  [
    'a BuildConfig',
    buildConfig(),
    [
      {
        source: { namespace: '', name: 'ruby:3.3' },
        fieldPath: 'spec.triggers[0].imageChange',
        isPaused: false,
      },
    ],
  ],
  [
    'a ReplicaSet that a Deployment has made: they are those of the Deployment',
    workload('ReplicaSet', { namespace: 'shop', annotations, owner: { kind: 'Deployment', name: 'web' } }),
    [],
  ],
] satisfies [string, Json, object[]][])('the triggers are found of %s', (_, object, found) => {
  const result = triggersOf(object)

  expect(result.conditions).toEqual([])
  expect(result.triggers).toEqual(found.map((trigger) => expect.objectContaining(trigger)))
})

test.each([
  ['DeploymentConfig', config, triggers[0]],
  ['BuildConfig', buildConfig(), { type: 'ImageChange', imageChange: { from } }],
])('of a %s with more than 100 triggers none applies', (_kind, object, one) => {
  const many = { ...object, spec: { ...object.spec, triggers: Array(101).fill(one) } }
  const found = triggersOf({ ...many, metadata: { ...many.metadata, annotations: {} } })
  expect(found.triggers).toEqual([])
  expect(found.conditions.map(({ reason }) => reason)).toEqual(['TRIGGERS_TOO_MANY'])
})
