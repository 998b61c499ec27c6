import { describe, expect, it } from 'vitest'
import {
  afterReplacement,
  applied,
  CONTEST_PERIOD,
  type Contest,
  isContested,
} from '../../../src/kubernetes/reconcile/contest.ts'

const IMAGE = 'registry.test/web@sha256:1'

/** Returns the state after replacements by managers at times, from an image that was set. */
const replaced = (
  ...replacements: readonly (readonly [manager: string | undefined, now: number])[]
): Contest =>
  replacements.reduce<Contest>(
    (contest, [manager, now]) => afterReplacement(contest, { image: IMAGE, manager, now }),
    applied(IMAGE),
  )

describe('replacements of an image', () => {
  it('contest it when one manager makes three within an hour', () => {
    expect(isContested(replaced(['argo', 0], ['argo', 1]), IMAGE)).toBe(false)
    expect(isContested(replaced(['argo', 0], ['argo', 1], ['argo', 2]), IMAGE)).toBe(true)
  })

  it('count from anew for another manager, and after an hour', () => {
    expect(replaced(['argo', 0], ['argo', 1], ['kubectl', 2])).toMatchObject({
      revertCount: 1,
      revertedBy: 'kubectl',
    })
    expect(replaced(['argo', 0], ['argo', 1], ['argo', CONTEST_PERIOD])).toMatchObject({
      revertCount: 1,
      revertedSince: CONTEST_PERIOD,
    })
  })

  it('do not count where no other manager made them', () => {
    expect(replaced([undefined, 0], [undefined, 1], [undefined, 2])).toEqual(applied(IMAGE))
  })

  it('stay contested, whatever happens, until another image is set', () => {
    const contested = replaced(['argo', 0], ['argo', 1], ['argo', 2])
    expect(afterReplacement(contested, { image: IMAGE, manager: 'kubectl', now: 10 * CONTEST_PERIOD })).toBe(
      contested,
    )
    const next = afterReplacement(contested, { image: 'other', manager: 'argo', now: 3 })
    expect(next).toEqual(applied('other'))
  })
})
