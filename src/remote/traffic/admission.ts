import type { Readable } from 'node:stream'
import { unlessAborted } from '../../concurrency/abort.ts'
import type { Clock } from '../../concurrency/clock.ts'
import { ConnectionError, EgressTimeoutError } from '../../egress/errors.ts'
import type { EgressResponse } from '../../egress/exchange.ts'
import { ANYBODY } from './accounts.ts'
import { type Breaker, type Pass, SENT, type Trouble, troubleFor } from './breaker.ts'
import type { HostQueue, Urgency } from './host-queue.ts'
import type { HostTraffic } from './host-traffic.ts'
import { parseRetryAfter } from './retry-after.ts'

/** A request that is to be sent, and for whom. */
export interface Applicant extends Urgency {
  readonly lane: string
  readonly namespace: string | null
  readonly signal: AbortSignal
  /** Whom the host takes this for; anybody unless given. */
  readonly account?: string
  /** It takes a pull from what the host still gives. */
  readonly counted?: boolean
  /**
   * Finds out as anybody how the host wants to be asked, for somebody who will show a credential: that the host has had
   * enough of anybody is no reason not to.
   */
  readonly scouting?: boolean
  /** It holds its turn until its body ends. */
  readonly isStream: boolean
}

interface Waiting {
  readonly clock: Clock
  /** Milliseconds that are left to wait for a host that said how long it wants to be left alone. */
  readonly patience: { left: number }
}

/**
 * Waits for a turn, and for the host's being worth asking as this account. A refusal when it is not and that is not
 * worth waiting for. Rejects with the signal's reason once it is aborted.
 */
export async function admit(
  host: HostTraffic,
  applicant: Applicant,
  { clock, patience }: Waiting,
): Promise<Admission | { readonly refusal: Trouble }> {
  const { lane, namespace, signal, scouting = false, isStream } = applicant
  const queue = isStream ? host.streams : host.requests
  const account = host.accounts.breakerOf(applicant.account ?? ANYBODY)
  for (;;) {
    const opening = host.breaker.opening ?? (scouting ? undefined : account.opening)
    if (opening) {
      const remaining = opening.until - clock.now()
      if (!opening.asked || remaining > patience.left) return { refusal: troubleFor(namespace, opening) }
      patience.left -= remaining
      await clock.sleep(remaining, signal)
      continue
    }
    const turn = queue.enter(lane, signal, applicant)
    if (turn) await turn
    // asked for only now: it may have been left alone since this request began to wait for its turn
    const ofHost = host.breaker.pass()
    const ofAccount = ofHost && (scouting ? SENT : account.pass())
    if (ofHost && ofAccount)
      return new Admission({ host, queue, account, ofHost, ofAccount, applicant, clock })
    if (ofHost) host.breaker.release(ofHost)
    queue.leave()
    await unlessAborted((ofHost ? account : host.breaker).probed, signal)
  }
}

interface AdmissionParts {
  readonly host: HostTraffic
  readonly queue: HostQueue
  readonly account: Breaker
  readonly ofHost: Pass
  readonly ofAccount: Pass
  readonly applicant: Applicant
  readonly clock: Clock
}

/** Leave to send one request: one of `judge` and `blame` says what came of it, and `end` gives its turn back. */
export class Admission {
  readonly #parts: AdmissionParts
  readonly #number: number
  #endSpending: (() => void) | undefined

  constructor(parts: AdmissionParts) {
    this.#parts = parts
    this.#number = parts.host.send()
  }

  /** Whether the host is left alone now, by everybody or as this account. */
  get isLeftAlone(): boolean {
    const { host, account } = this.#parts
    return host.breaker.state !== 'CLOSED' || account.state !== 'CLOSED'
  }

  /** Takes it from what the host still gives. Throws BudgetError. */
  spend(): void {
    const { host, applicant, clock } = this.#parts
    this.#endSpending = host.budgets.spend(spendingOf(applicant), clock.now())
  }

  /** What the answer says of the host. Returns whether the account has spent what it was given: another try is vain. */
  judge(answer: EgressResponse, isLast: boolean): boolean {
    const { host, account, ofHost, ofAccount, applicant, clock } = this.#parts
    const { status, headers } = answer
    const now = clock.now()
    const spending = spendingOf(applicant)
    host.budgets.read(spending.account, headers, now)
    const pause = ASKS_FOR_PAUSE.has(status) ? parseRetryAfter(headers, now) : undefined
    // too many for this account alone: the host works, and may have time for others
    const isAccounts = status === 429
    const isSpent = isAccounts && pause === undefined && host.budgets.refuse(spending, now)
    if (ASKS_FOR_PAUSE.has(status) && !isSpent) host.shrink(this.#number)
    if (!isTrouble(status)) {
      host.grow()
      host.breaker.succeed(ofHost)
      account.succeed(ofAccount)
      return false
    }
    const [breaker, pass] = isAccounts ? [account, ofAccount] : [host.breaker, ofHost]
    const cause = { trouble: answer, namespace: applicant.namespace }
    if (pause !== undefined) breaker.pause(pass, now + pause, cause)
    else if (!isSpent && (isLast || pass.isProbe)) breaker.fail(pass, cause)
    else breaker.release(pass)
    if (isAccounts) host.breaker.succeed(ofHost)
    else account.release(ofAccount)
    return isSpent
  }

  /** What it says of the host that no answer came; `tentative` says nothing of it yet. */
  blame(error: unknown, { isLast, tentative }: { isLast: boolean; tentative: boolean }): void {
    const { host, account, ofHost, ofAccount, applicant } = this.#parts
    account.release(ofAccount)
    // a certificate that does not verify for one is good enough for another who said so
    const isTheHosts = error instanceof ConnectionError || error instanceof EgressTimeoutError
    if (!isTheHosts || tentative) host.breaker.release(ofHost)
    else if (isLast || ofHost.isProbe) {
      host.breaker.fail(ofHost, { trouble: error, namespace: applicant.namespace })
    }
  }

  /** Gives the turn back, once the stream ends where there is one. */
  end(stream: Readable | undefined): void {
    const { queue } = this.#parts
    this.#endSpending?.()
    if (stream && !stream.closed) stream.once('close', () => queue.leave())
    else queue.leave()
  }
}

const ASKS_FOR_PAUSE = new Set([429, 503])

// 501 says that the method is unknown, which is worth another try by another method
const isTrouble = (status: number): boolean =>
  status === 408 || status === 429 || (status >= 500 && status !== 501)

const spendingOf = ({ account = ANYBODY, counted = false, urgency }: Applicant) => ({
  account,
  isPull: counted,
  ...(urgency && { urgency }),
})
