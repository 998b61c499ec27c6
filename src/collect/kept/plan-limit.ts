/** Plans that are made or wait for others. Each may read all rows, and prunes wait for it. */
const MAX_PLANS = 8

/** Too many plans are being made. */
class TooManyPlansError extends Error {
  override readonly name = 'TooManyPlansError'
  readonly code = 'TOO_COMPLEX'

  constructor() {
    super(`${MAX_PLANS} plans are being made already: repeat the request when they have finished`)
  }
}

/** Creates a function that settles as the work does; it rejects with TooManyPlansError while `MAX_PLANS` are not finished. */
export function createPlanLimit() {
  let count = 0
  return async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (count >= MAX_PLANS) throw new TooManyPlansError()
    count++
    try {
      return await work()
    } finally {
      count--
    }
  }
}
