import type { Egress } from '../../egress/egress.ts'
import { InvalidInputError } from '../../input/errors.ts'
import type { ActionContext } from '../content/action-kind.ts'
import { type Action, kindOf, originOf, refuseOwn } from '../content/actions.ts'
import type { Answer, Failure } from '../content/answer.ts'
import { SIGNING } from '../content/kinds/http.ts'
import type { MovedTag } from '../content/moved-tag.ts'
import { responseOf, send } from '../content/send.ts'
import { credentialsOf, masked, maskedText, shortened } from '../content/shown-request.ts'
import type { SignatureKey } from '../content/signature.ts'
import { bodyTooLarge, MAX_BODY } from '../content/template.ts'
import type { Trigger } from '../definition/trigger.ts'
import type { TriggerSecrets } from '../definition/trigger-secrets.ts'
import type { TriggerDelivery } from '../state/delivery-rows.ts'

/** What is attempted. */
export interface Attempted {
  readonly trigger: Trigger
  readonly move: MovedTag
  /** Id of the delivery, the same at each attempt. */
  readonly webhookId: string
  readonly signal: AbortSignal
}

/** How an attempt ended. */
export interface AttemptEnd {
  /** Milliseconds since 1970 of its begin, and the milliseconds that it took. */
  readonly at: number
  readonly milliseconds: number
  readonly answer: Answer
  /** Whether the receiver was contacted. */
  readonly isSent: boolean
  /** The request, with secrets replaced, as JSON text: method, url, headers, body. Null where there was none. */
  readonly request: string | null
}

/** Where people see what a delivery began. */
export interface FoundLink {
  /** Null while there is none. */
  readonly link: string | null
  /** Whether asking again is of no use. */
  readonly isFinal: boolean
  /** Status of the response; null without one. */
  readonly status: number | null
}

/** Does what an action says in another room. Rejects only when the signal is aborted. */
export type Perform = (action: Action, attempted: Attempted) => Promise<Answer>

interface AttemptsDependencies {
  readonly egress: Pick<Egress, 'request'>
  readonly secrets: Pick<TriggerSecrets, 'open'>
  readonly keyPairs: () => readonly SignatureKey[]
  /** `https://streams.example.org`: this server for other machines. */
  readonly publicUrl: () => string
  /** Reports whether a URL leads to this server. */
  readonly isOwn: (url: URL) => boolean
  readonly perform: Perform
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** The attempts of deliveries. */
export type Attempts = ReturnType<typeof createAttempts>

/** Creates the attempts of deliveries: requests to receivers, and what other rooms do. */
export function createAttempts(dependencies: AttemptsDependencies) {
  const { egress, secrets, keyPairs, publicUrl, isOwn, perform, now } = dependencies

  /** Returns the context of a request, and its secrets. Throws BrokenSealError. */
  const contextOf = (trigger: Trigger, webhookId: string): ActionContext & { readonly all: string[] } => {
    const opened = secrets.open(trigger)
    return {
      ...{ id: webhookId, at: now(), publicUrl: publicUrl(), keyPairs: keyPairs() },
      signingSecrets: opened.get(SIGNING) ?? [],
      all: [...opened.values()].flat(),
      secret(name) {
        const secret = opened.get(name)?.at(-1)
        if (secret === undefined) throw new Error(`the secret "${name}" is missing`)
        return secret
      },
    }
  }

  /** Returns the request of an action, and the same with secrets replaced; null for one that another room performs. */
  const requestOf = ({ action, ...trigger }: Trigger, move: MovedTag, webhookId: string) => {
    const kind = kindOf(action)
    if (!kind.request) return null
    refuseOwn(action, trigger.host, isOwn)
    const context = contextOf({ action, ...trigger }, webhookId)
    const request = kind.request(action.settings, move, context)
    const size = Buffer.byteLength(request.body)
    if (size > MAX_BODY) throw bodyTooLarge(size)
    return { request, context, shown: masked(request, context.all) }
  }

  const answerOf = async ({ trigger, move, webhookId, signal }: Attempted) => {
    const { action } = trigger
    const made = requestOf(trigger, move, webhookId)
    if (!made) {
      const answer = await perform(action, { trigger, move, webhookId, signal })
      return { answer, shown: null, isSent: true }
    }
    const { judge } = kindOf(action)
    const answer = await send(egress, made.request, {
      ...{ signal, now },
      mask: (text) => maskedText(text, [...made.context.all, ...credentialsOf(made.request)]),
      judge: judge && ((response, failure) => judge(response, action.settings, failure)),
    })
    return { answer, shown: made.shown, isSent: true }
  }

  const linkOf = async (
    trigger: Trigger,
    { webhookId, followUrl }: Pick<TriggerDelivery, 'webhookId' | 'followUrl'>,
    signal: AbortSignal,
  ): Promise<FoundLink> => {
    const { followRequest, followed } = kindOf(trigger.action)
    // a trigger that was changed since has secrets for another receiver
    const origin = originOf(trigger.action, trigger.host)
    if (followUrl === null || new URL(followUrl).origin !== origin || !followRequest || !followed)
      return NO_LINK
    const request = followRequest(trigger.action.settings, followUrl, contextOf(trigger, webhookId))
    const response = await responseOf(egress, request, signal)
    if (response instanceof Error) return { link: null, isFinal: false, status: null }
    return { ...followed(response), status: response.status }
  }

  return {
    requestOf,
    contextOf,

    /** Asks for the link of what a delivery began. Rejects only when the signal is aborted. */
    findLink: (...wanted: Parameters<typeof linkOf>): Promise<FoundLink> =>
      linkOf(...wanted).catch(() => {
        const [, , signal] = wanted
        signal.throwIfAborted()
        return NO_LINK
      }),

    /** Attempts a delivery. Rejects only when the signal is aborted. */
    async run(attempted: Attempted): Promise<AttemptEnd> {
      const at = now()
      const started = performance.now()
      const { answer, shown, isSent } = await answerOf(attempted).catch((error: unknown) => {
        attempted.signal.throwIfAborted()
        return { answer: notSent(error), shown: null, isSent: false }
      })
      const request = shown && JSON.stringify(shortened(shown))
      const milliseconds = Math.round(performance.now() - started)
      return { at, milliseconds, answer, isSent, request }
    },
  }
}

/** Returns the answer of an attempt without a request: a secret cannot be opened, for example. */
function notSent(error: unknown): Answer {
  const failure: Failure = {
    kind: error instanceof InvalidInputError ? 'NEVER' : 'LATER',
    message: error instanceof Error ? error.message : String(error),
  }
  return { status: null, text: '', link: null, failure }
}

const NO_LINK: FoundLink = { link: null, isFinal: true, status: null }
