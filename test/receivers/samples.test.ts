import { afterEach, beforeEach, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { SENDER_KINDS } from '../../src/vendors/senders.ts'
import { ALL } from '../fixtures/test-domain.ts'
import { REGISTRY, REPOSITORY, ReceiverWorld } from './receiver-world.ts'

let world: ReceiverWorld
beforeEach(() => {
  world = new ReceiverWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

// EventBridge identifies the registry by account and region
const ECR = '123456789012.dkr.ecr.us-west-2.amazonaws.com'
const registryOf = (sender: string): string =>
  ({ ECR, DOCKER_HUB: 'docker.io' })[sender as 'ECR' | 'DOCKER_HUB'] ?? REGISTRY

it.each(SENDER_KINDS)(
  'a test of a receiver of %s authenticates and reads a sample, each time',
  async (sender) => {
    const registry = registryOf(sender)
    const serviceAccount = sender === 'GOOGLE' ? 'push@project.iam.gserviceaccount.com' : null
    const { receiver } = world.create({ sender, registry, settings: { serviceAccount } })

    for (let time = 0; time < 2; time++) {
      const tested = await world.test(SYSTEM, {
        id: receiver.id,
        repository: REPOSITORY,
        tag: 'v1',
        follow: false,
        waitSeconds: 0,
      })

      expect(tested).toMatchObject({ delivery: { outcome: 'ACCEPTED', message: null } })
      expect(tested.delivery.summary).toMatch(/^push of \S*team\/app:v1$/)
      expect(world.log.hintsOf([tested.delivery.id], ALL)).toMatchObject([
        { registry, repository: REPOSITORY, tag: 'v1', action: 'push' },
      ])
    }
  },
)
