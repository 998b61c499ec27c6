import { expect, test } from 'vitest'
import { createPlanLimit } from '../../src/collect/kept/plan-limit.ts'

test('eight plans are made at a time, and further ones are refused until one has finished', async () => {
  const limited = createPlanLimit()
  const finish: (() => void)[] = []
  const begin = () => limited(() => new Promise<void>((resolve) => finish.push(resolve)))
  const plans = Array.from({ length: 8 }, begin)

  await expect(begin()).rejects.toMatchObject({ code: 'TOO_COMPLEX' })

  finish[0]?.()
  await plans[0]
  const next = begin()
  for (const end of finish) end()
  await expect(Promise.all([...plans, next])).resolves.toHaveLength(9)
})
