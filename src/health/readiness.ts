import { startPeriodic } from '../concurrency/periodic.ts'
import type { Problem } from './problem.ts'

/** Returns a problem, from what is already known; undefined when there is none. */
export type HealthCheck = () => Problem | undefined

interface ReadinessOptions {
  readonly checks: readonly HealthCheck[]
  /** Called once when a problem is first noticed. */
  readonly onProblem: (problem: Problem) => void
  /** Called once when no check reports the problem any longer. */
  readonly onSolved: (problem: Problem) => void
  /** Milliseconds between two comparisons that notice changes without a request. */
  readonly intervalMs?: number
}

/** Joins the checks, and reports each change until it is disposed of. */
export function createReadiness({ checks, onProblem, onSolved, intervalMs = 1_000 }: ReadinessOptions) {
  let known: readonly Problem[] = []

  /** Returns the problems of now, and reports those that are new or solved. */
  const problems = (): readonly Problem[] => {
    const found = checks.flatMap((check) => check() ?? [])
    const before = known
    known = found
    for (const problem of found) if (!has(before, problem)) onProblem(problem)
    for (const problem of before) if (!has(found, problem)) onSolved(problem)
    return found
  }
  const comparing = startPeriodic({
    intervalMs,
    now: () => performance.now(),
    run: problems,
    // a check only reads what is known
    onError: () => {},
  })
  return { problems, [Symbol.dispose]: () => comparing[Symbol.dispose]() }
}

const has = (problems: readonly Problem[], { reason }: Problem): boolean =>
  problems.some((problem) => problem.reason === reason)
