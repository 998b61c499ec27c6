import { describe, expect, it } from 'vitest'
import { type ActionInput, checkAction, kindOf } from '../../../src/triggers/content/actions.ts'
import { WORKLOADS } from '../../../src/triggers/content/kinds/cluster.ts'

const target = { namespace: 'shop', name: 'web' }
const setImage = (parts: object = {}): ActionInput => ({
  kind: 'SET_IMAGE',
  input: { cluster: 'production', ...target, kind: 'Deployment', container: 'web', ...parts },
})
const startBuild = (parts: object = {}): ActionInput => ({
  kind: 'START_BUILD',
  input: { cluster: 'production', ...target, ...parts },
})

describe('an action in a cluster', () => {
  it('is stored with its cluster, needs no secret, and is performed by another room', () => {
    expect(checkAction(setImage(), 'action')).toEqual({
      settings: {
        kind: 'SET_IMAGE',
        settings: { cluster: 'production', target: { ...target, kind: 'Deployment', container: 'web' } },
      },
      host: 'cluster production',
      secrets: {},
      neededSecrets: [],
    })
    expect(checkAction(startBuild(), 'action').settings).toEqual({
      kind: 'START_BUILD',
      settings: { cluster: 'production', target },
    })
    expect(kindOf({ kind: 'SET_IMAGE' }).request).toBeUndefined()
    expect(kindOf({ kind: 'START_BUILD' }).request).toBeUndefined()
  })

  it.each(WORKLOADS)('sets images in objects of the kind %s', (kind) => {
    expect(() => checkAction(setImage({ kind }), 'action')).not.toThrow()
  })

  it.each([
    [setImage({ kind: 'Job' }), 'action.setImage.kind is "Job": it must be one of Deployment, '],
    [setImage({ kind: 'deployment' }), 'action.setImage.kind is "deployment"'],
    [setImage({ container: '' }), 'action.setImage.container is ""'],
    [setImage({ namespace: '../kube-system' }), 'action.setImage.namespace is "../kube-system"'],
    [setImage({ name: 'web/scale' }), 'action.setImage.name is "web/scale"'],
    [startBuild({ name: '..' }), 'action.startBuild.name is ".."'],
    [startBuild({ cluster: 'a b' }), 'action.startBuild.cluster is "a b"'],
  ])('is refused: %j', (action, message) => {
    expect(() => checkAction(action, 'action')).toThrow(message)
  })
})
