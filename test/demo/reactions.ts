import type { TestApp } from '../fixtures/app.ts'
import { PushClient } from '../fixtures/push-client.ts'
import { image, layer } from '../fixtures/random-image.ts'
import {
  type ReceivedRequest,
  startTriggerReceiver,
  type TriggerReceiver,
} from '../fixtures/trigger-receiver.ts'

// A pushed base image starts a build of the application based on it, and the built image starts a deployment.

const CREATE = `mutation ($name: String!, $imageStreams: String!, $url: String!) { createTrigger(input: {
  namespace: "shop", name: $name, imageStreams: $imageStreams, tags: "latest", action: { http: { url: $url } } }) {
    trigger { state } } }`
const DELIVERED = `{ imageStreamTag(name: "shop/store:latest") { image { digest } triggerTargets(first: 1) { nodes {
  triggerName isDelivered message lastDelivery { state attempts { httpStatus } } } } } }`

interface Delivered {
  readonly imageStreamTag: {
    readonly image: { readonly digest: string }
    readonly triggerTargets: {
      readonly nodes: readonly {
        readonly triggerName: string
        readonly isDelivered: boolean
        readonly message: string | null
        readonly lastDelivery: {
          readonly state: string
          readonly attempts: readonly { readonly httpStatus: number }[]
        }
      }[]
    }
  }
}

/** What the demo prints with. */
export interface Printer {
  readonly print: (text?: string) => void
  readonly short: (digest: string) => string
}

/** Resolves with the next request of a receiver, which `onRequest` handles before the response. */
function nextRequest(receiver: TriggerReceiver, onRequest: (request: ReceivedRequest) => Promise<void>) {
  return new Promise<ReceivedRequest>((resolve, reject) => {
    receiver.answer = async (request) => {
      await onRequest(request).catch(reject)
      resolve(request)
      return { status: 204 }
    }
  })
}

/** Waits until the trigger of the built image has noted its delivery. */
async function delivered({ client }: TestApp): Promise<Delivered['imageStreamTag']> {
  for (;;) {
    const { imageStreamTag } = await client.request<Delivered>(DELIVERED)
    if (imageStreamTag.triggerTargets.nodes[0]?.isDelivered) return imageStreamTag
  }
}

/** Creates two triggers, pushes a base image, and prints what follows from it. */
export async function showReactions(server: TestApp, { print, short }: Printer): Promise<void> {
  await using builds = await startTriggerReceiver()
  await using deployments = await startTriggerReceiver()
  const registry = new PushClient(server.app.url)
  const base = image({ seed: 'base 2', layers: [layer('system 2')] })
  const built = image({ seed: 'store 2', layers: [layer('system 2'), layer('store')] })

  for (const [name, imageStreams, url] of [
    ['build-store', 'base', builds.url],
    ['deploy-store', 'store', deployments.url],
  ]) {
    await server.client.request(CREATE, { name, imageStreams, url })
  }
  print(
    'Triggers react to pushes: shop/base:latest starts a build, and the built shop/store:latest a deployment.',
  )
  const building = nextRequest(builds, () =>
    registry.push({ repository: 'shop/store', tag: 'latest' }, built, 'one POST'),
  )
  const deploying = nextRequest(deployments, async () => {})
  const began = performance.now()
  await registry.push({ repository: 'shop/base', tag: 'latest' }, base, 'one POST')
  const requests = [
    ['build-store', await building, `builds ${short(built.digest)} and pushes it to shop/store:latest`],
    ['deploy-store', await deploying, 'deploys it'],
  ] as const
  for (const [name, { body, headers }, effect] of requests) {
    const { type, data } = JSON.parse(body)
    print(
      `  ${name}: ${type} for ${data.imageStream}:${data.tag} ${short(data.digest)}, ${headers['webhook-id']}`,
    )
    print(`             the receiver ${effect}`)
  }
  print(`  from the push to the deployment: ${(performance.now() - began).toFixed(0)} ms`)
  const { image: deployed, triggerTargets } = await delivered(server)
  const [target] = triggerTargets.nodes
  const { state, attempts } = target?.lastDelivery ?? { state: '', attempts: [] }
  print(
    `  was ${short(deployed.digest)} deployed? ${target?.triggerName}: ${state}, status ${attempts.at(-1)?.httpStatus}`,
  )
  if (deployed.digest !== built.digest || state !== 'DELIVERED') process.exitCode = 1
}
