import { startApp, type TestApp } from '../fixtures/app.ts'
import { image } from '../fixtures/random-image.ts'
import { startUpstream, type Upstream } from '../fixtures/upstream.ts'
import { createStream, follow, importImage } from '../flows/operations.ts'

/** Tags of `app`, in order of importance. */
export const TAGS = ['latest', '1.10', '1.2', 'v1.2', '1.2.3', 'edge', 'other'] as const

/** Number of images in the history of `app:latest`, one from each import. */
export const REVISIONS = 7

/** A server with enough items of each list to read pages. */
export interface Catalogue extends AsyncDisposable {
  readonly app: TestApp
  readonly upstream: Upstream
  readonly repository: string
}

/** Streams `app` and `one` to `four` in `default`, `app` in `other`, all with labels. */
export async function startCatalogue(): Promise<Catalogue> {
  const upstream = await startUpstream()
  const app = await startApp()
  const repository = `${upstream.host}/team/app`
  for (const tag of TAGS) upstream.push('team/app', tag, image({ seed: 0 }))
  await follow(app.client, repository)
  for (let seed = 1; seed < REVISIONS; seed++) {
    upstream.push('team/app', 'latest', image({ seed }))
    await importImage(app.client)
  }
  for (const [at, name] of ['one', 'two', 'three', 'four'].entries()) {
    await createStream(app.client, {
      name,
      labels: [
        { key: 'kind', value: 'empty' },
        { key: 'at', value: String(at % 2) },
      ],
    })
  }
  await createStream(app.client, {
    namespace: 'other',
    name: 'app',
    labels: [{ key: 'at', value: '1' }],
    spec: { dockerImageRepository: repository },
  })
  return {
    app,
    upstream,
    repository,
    async [Symbol.asyncDispose]() {
      await app[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}
