import { expect, it } from 'vitest'
import { batch, loadPaid } from '../../../src/graphql/kit/batch.ts'

const SIZE = 200 * 1024

it('long contents are paid for before they are read, in parts, and again for each further use', () => {
  const spent: (number | string)[] = []
  const work = { spend: (bytes: number) => void spent.push(bytes) }
  const objects = batch([{ id: 1 }, { id: 2 }, { id: 3 }])
  const content = {
    name: 'text',
    sizes: (ids: readonly number[]) => ids.filter((id) => id < 3).map((id) => ({ id, size: SIZE })),
    read(ids: readonly number[]) {
      spent.push(`read ${ids}`)
      return new Map(ids.map((id) => [id, 'x'.repeat(SIZE)]))
    },
  }
  const read = objects.map((one) => loadPaid(work, one, content)?.length)

  expect(read).toEqual([SIZE, SIZE, undefined])
  expect(spent).toEqual([SIZE, 'read 1', SIZE, 'read 2'])
  loadPaid(work, objects[0] as { id: number }, content)
  expect(spent.slice(4)).toEqual([SIZE])
})

it('what cannot be paid for is not read', () => {
  const work = {
    spend() {
      throw new Error('too many bytes')
    },
  }
  const read = () => {
    throw new Error('it was read')
  }
  const content = { name: 'text', sizes: () => [{ id: 1, size: SIZE }], read }
  expect(() => loadPaid(work, { id: 1 }, content)).toThrow('too many bytes')
})
