import { expect, it } from 'vitest'
import { CAUSE_KEY } from '../../src/triggers/run/causes.ts'
import type { TriggerDelivery } from '../../src/triggers/state/delivery-rows.ts'
import { image, index } from '../fixtures/random-image.ts'
import { BUSY, OK, open, type World } from './world.ts'

/** Deliveries in the order in which they began. */
const deliveriesOf = ({ deliveries }: World): TriggerDelivery[] => [
  ...deliveries.byIds(Array.from({ length: 30 }, (_, at) => at + 1)).values(),
]

/** Returns what a build pushes that says which delivery has caused it. */
const built = (seed: string, cause: string) => image({ seed, labels: { [CAUSE_KEY]: cause } })

/** Lets `built` follow from `latest`, each with a trigger. Returns the delivery of `built`. */
async function chainOfTwo(world: World): Promise<TriggerDelivery> {
  world.trigger({ tags: 'latest' })
  world.trigger({ tags: 'built' })
  await world.move('latest', 'a')
  const [first] = deliveriesOf(world)
  await world.moveTo('built', built('b', first?.webhookId ?? ''))
  const [, second] = deliveriesOf(world)
  if (!second) throw new Error('there is no second delivery')
  return second
}

it('a delivery knows those that led to its move, by the label of the image', async () => {
  await using world = await open()
  world.trigger({ tags: 'source' })
  world.trigger({ tags: 'built' })
  world.trigger({ tags: 'deployed' })
  await world.move('source', 'a')
  const [first] = deliveriesOf(world)
  await world.moveTo('built', built('b', first?.webhookId ?? ''))
  const [, second] = deliveriesOf(world)
  await world.moveTo('deployed', index([built('c', second?.webhookId ?? '')]))

  const [, , third] = deliveriesOf(world)
  expect(third && world.triggers.causesOf(third).map(({ tag }) => tag)).toEqual(['source', 'built'])
  expect(world.attempts).toHaveLength(3)
})

it('a trigger that causes its own move acts no second time, and says by which path', async () => {
  await using world = await open()
  const second = await chainOfTwo(world)
  await world.moveTo('latest', built('c', second.webhookId))

  expect(world.attempts).toHaveLength(2)
  expect(world.target()).toMatchObject({
    stateName: 'DEAD',
    message: 'the trigger caused this move itself: ruby:latest → ruby:built → it would act again',
  })
  // a person has moved it
  await world.move('latest', 'd')
  expect(world.attempts).toHaveLength(3)
})

it('a path does not name the streams of another namespace', async () => {
  await using world = await open()
  const second = await chainOfTwo(world)
  world.db.prepare("update triggers set namespace = 'hidden' where id = 2").run()
  await world.moveTo('latest', built('c', second.webhookId))

  expect(world.target()?.message).toContain('ruby:latest → another namespace → it would act again')
})

it('a chain of deliveries ends after eight', async () => {
  await using world = await open()
  world.trigger({ tags: 's*' })
  await world.move('s0', 'a')
  for (let at = 1; at <= 9; at++) {
    await world.moveTo(`s${at}`, built(`b${at}`, deliveriesOf(world).at(-1)?.webhookId ?? ''))
  }
  expect(world.attempts).toHaveLength(8)
})

it('a cause that was never sent is ignored, and a failure is no cause of what a person does', async () => {
  await using world = await open()
  world.trigger({ tags: 'latest' })
  world.answer = () => BUSY
  await world.moveTo('latest', built('a', 'made-up'))
  world.answer = () => OK
  await world.move('latest', 'b')
  expect(deliveriesOf(world).map(({ causedBy }) => causedBy)).toEqual([null, null])
})
