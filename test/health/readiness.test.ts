import { expect, test } from 'vitest'
import { type Problem, problemOf } from '../../src/health/problem.ts'
import { createReadiness } from '../../src/health/readiness.ts'
import { eventually } from '../fixtures/eventually.ts'

test('each problem is reported when it is found and when it is solved, once', async () => {
  const reports: string[] = []
  let found: Problem | undefined
  using readiness = createReadiness({
    checks: [() => undefined, () => found],
    onProblem: ({ reason }) => void reports.push(`found ${reason}`),
    onSolved: ({ reason }) => void reports.push(`solved ${reason}`),
    intervalMs: 5,
  })
  expect(readiness.problems()).toEqual([])
  found = problemOf('STORAGE_FULL')
  expect(readiness.problems()).toEqual([found])
  // also without a request
  found = problemOf('STORAGE_READ_ONLY')
  await eventually(() => expect(reports.at(-1)).toBe('solved STORAGE_FULL'))
  found = undefined
  await eventually(() => expect(reports.at(-1)).toBe('solved STORAGE_READ_ONLY'))
  expect(readiness.problems()).toEqual([])
  expect(reports).toEqual([
    'found STORAGE_FULL',
    'found STORAGE_READ_ONLY',
    'solved STORAGE_FULL',
    'solved STORAGE_READ_ONLY',
  ])
})
