import { describe, expect, it } from 'vitest'
import { type ActionInput, checkAction, kindOf } from '../../../src/triggers/content/actions.ts'

const place = { cluster: 'production', clusterNamespace: 'shop' }
const setImage = (parts: object = {}): ActionInput => ({
  kind: 'SET_IMAGE',
  input: { ...place, kind: 'Deployment', workload: 'web', container: 'nginx', ...parts },
})
const startBuild = (parts: object = {}): ActionInput => ({
  kind: 'START_BUILD',
  input: { ...place, buildConfig: 'app', ...parts },
})

describe('an action in a cluster', () => {
  it('is stored with its cluster, needs no secret, and is performed by another room', () => {
    expect(checkAction(setImage(), 'action')).toEqual({
      settings: {
        kind: 'SET_IMAGE',
        settings: {
          cluster: 'production',
          target: { namespace: 'shop', kind: 'Deployment', name: 'web', container: 'nginx' },
        },
      },
      host: 'cluster production',
      secrets: {},
      neededSecrets: [],
    })
    expect(checkAction(startBuild(), 'action').settings).toEqual({
      kind: 'START_BUILD',
      settings: { cluster: 'production', target: { namespace: 'shop', name: 'app' } },
    })
    expect(kindOf({ kind: 'SET_IMAGE' }).request).toBeUndefined()
    expect(kindOf({ kind: 'START_BUILD' }).request).toBeUndefined()
  })

  it.each([
    [setImage({ container: '' }), 'action.setImage.container is ""'],
    [
      setImage({ clusterNamespace: '../kube-system' }),
      'action.setImage.clusterNamespace is "../kube-system"',
    ],
    [setImage({ workload: 'web/scale' }), 'action.setImage.workload is "web/scale"'],
    [startBuild({ buildConfig: '..' }), 'action.startBuild.buildConfig is ".."'],
    [startBuild({ cluster: 'a b' }), 'action.startBuild.cluster is "a b"'],
  ])('is refused: %j', (action, message) => {
    expect(() => checkAction(action, 'action')).toThrow(message)
  })
})
