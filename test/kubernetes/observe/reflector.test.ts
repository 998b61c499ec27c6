import { expect, test } from 'vitest'
import { KubernetesError } from '../../../src/kubernetes/client/errors.ts'
import type { KubernetesClient } from '../../../src/kubernetes/client/kubernetes-client.ts'
import type { KubernetesObject } from '../../../src/kubernetes/client/object.ts'
import type { WatchEvent } from '../../../src/kubernetes/client/watch-stream.ts'
import { reflect } from '../../../src/kubernetes/observe/reflector.ts'

type Step = 'fail' | 'gone' | 'ahead' | readonly WatchEvent[]

const object = (name: string, resourceVersion: string): KubernetesObject => ({
  metadata: { name, resourceVersion },
})
const error = (status: number | null) => new KubernetesError('no', { status, reason: 'any' })

/** Follows a server that responds to watches in these ways, and then stops. Returns what happened. */
async function follow(steps: readonly Step[]) {
  const stopping = new AbortController()
  const log: string[] = []
  const waits: number[] = []
  const remaining = [...steps]
  const client: Pick<KubernetesClient, 'list' | 'watch'> = {
    async *list() {
      log.push('list')
      yield { isFirst: true, items: [object('a', '1')], resourceVersion: '10' }
      yield { isFirst: false, items: [object('b', '2')], resourceVersion: '10' }
    },
    async *watch(_path, { resourceVersion }) {
      log.push(`watch ${resourceVersion}`)
      const step = remaining.shift()
      if (step === undefined) return stopping.abort()
      if (step === 'fail') throw error(null)
      if (step === 'gone') throw error(410)
      if (step === 'ahead') throw error(504)
      yield* step
    },
  }
  await reflect(client as KubernetesClient, {
    path: '/api/v1/pods',
    metadataOnly: false,
    reflection: {
      begin: () => log.push('begin'),
      set: ({ metadata }) => log.push(`set ${metadata.name}`),
      delete: ({ metadata }) => log.push(`delete ${metadata.name}`),
      complete: () => log.push('complete'),
    },
    signal: stopping.signal,
    async sleep(milliseconds) {
      waits.push(milliseconds)
    },
    random: () => 1,
    onResult: (failure) => failure !== undefined && log.push('failed'),
  })
  return { log, waits }
}

const LISTED = ['list', 'begin', 'set a', 'set b', 'complete']

test('objects are listed in pages, and watched after the version of the list', async () => {
  const { log } = await follow([])
  expect(log).toEqual([...LISTED, 'watch 10'])
})

test('a watch continues after the last change or bookmark', async () => {
  const { log } = await follow([
    [{ type: 'MODIFIED', object: object('a', '11') }],
    [{ type: 'BOOKMARK', resourceVersion: '20' }],
    [{ type: 'DELETED', object: object('a', '21') }],
  ])
  expect(log).toEqual([...LISTED, 'watch 10', 'set a', 'watch 11', 'watch 20', 'delete a', 'watch 21'])
})

test('objects are listed again when the server refuses a watch, or ends it at once: it may not have the version', async () => {
  expect((await follow(['fail', 'fail'])).log).toEqual([
    ...LISTED,
    'watch 10',
    'failed',
    'watch 10',
    'failed',
    'watch 10',
  ])
  expect((await follow(['gone'])).log).toEqual([...LISTED, 'watch 10', ...LISTED, 'watch 10'])
  expect((await follow([[]])).log).toEqual([...LISTED, 'watch 10', ...LISTED, 'watch 10'])
  expect((await follow(['ahead'])).log).toEqual([...LISTED, 'watch 10', 'failed', ...LISTED, 'watch 10'])
})

test('failures are repeated with back-off up to a minute, and a watch that ends at once too', async () => {
  const { waits } = await follow(['fail', 'fail', 'fail', 'fail', 'fail', 'fail', 'fail', 'fail'])
  expect(waits.slice(0, 8)).toEqual([1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1000))
  expect((await follow([[], [], []])).waits.slice(0, 3)).toEqual([1000, 2000, 4000])
  const change = { type: 'MODIFIED', object: object('a', '11') } as const
  expect((await follow([[change], [change]])).waits.slice(0, 2)).toEqual([1000, 1000])
})
