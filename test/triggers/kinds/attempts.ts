import { createEgress } from '../../../src/egress/egress.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { type ActionInput, checkAction, type KindName } from '../../../src/triggers/content/actions.ts'
import type { MovedTag } from '../../../src/triggers/content/moved-tag.ts'
import type { SignatureKey } from '../../../src/triggers/content/signature.ts'
import type { Trigger } from '../../../src/triggers/definition/trigger.ts'
import { type AttemptEnd, createAttempts, type FoundLink } from '../../../src/triggers/run/attempt.ts'
import { tagName } from '../../fixtures/test-domain.ts'

const digest = (character: string): Digest => `sha256:${character.repeat(64)}` as Digest

/** The move that tests deliver. */
export const MOVE: MovedTag = {
  ...{ namespace: 'team', imageStream: 'app', tag: tagName('v1') },
  ...{ digest: digest('a'), previousDigest: digest('b') },
  dockerImageReference: `registry.example.org/team/app@${digest('a')}`,
  platforms: ['linux/amd64', 'linux/arm64'],
  movedAt: Date.UTC(2026, 1, 3),
}

/** Id of the delivery. */
export const WEBHOOK_ID = 'trigger-7'

interface Options {
  readonly move?: MovedTag
  /** Secrets that sign, the oldest first, in place of those of the input. */
  readonly signing?: readonly string[]
  readonly keyPairs?: readonly SignatureKey[]
}

/** How an attempt ended, and what is stored of its action. */
interface Attempt extends AttemptEnd {
  readonly settings: object
}

/** Makes attempts of actions as the worker does, with the secrets of their inputs. */
export function startAttempts() {
  const egress = createEgress({ loopback: true })

  const prepare = (input: ActionInput, { signing, keyPairs = [] }: Options) => {
    const { settings: action, secrets, host, neededSecrets } = checkAction(input, 'action')
    const opened = new Map(Object.entries(secrets).map(([name, secret]) => [name, [secret]]))
    if (signing) opened.set('SIGNING', [...signing])
    const attempts = createAttempts({
      ...{ egress, keyPairs: () => keyPairs, now: Date.now },
      secrets: { open: () => opened },
      publicUrl: () => 'https://streams.example.org',
      isOwn: ({ hostname }) => hostname === 'streams.example.org',
      perform: () => Promise.reject(new Error('no other room acts')),
    })
    const trigger = { id: 1, uid: 'u', host, action } as Trigger
    return { attempts, trigger, neededSecrets }
  }

  return {
    /** Attempts an action once. */
    async run<K extends KindName>(input: ActionInput<K>, options: Options = {}): Promise<Attempt> {
      const { attempts, trigger } = prepare(input as ActionInput, options)
      const { signal } = new AbortController()
      const end = await attempts.run({ trigger, move: options.move ?? MOVE, webhookId: WEBHOOK_ID, signal })
      return { ...end, settings: trigger.action.settings }
    },

    /** Asks for the link at the address that an attempt returned. */
    follow<K extends KindName>(input: ActionInput<K>, followUrl: string): Promise<FoundLink> {
      const { attempts, trigger } = prepare(input as ActionInput, {})
      return attempts.findLink(trigger, { webhookId: WEBHOOK_ID, followUrl }, new AbortController().signal)
    },

    [Symbol.asyncDispose]: () => egress[Symbol.asyncDispose](),
  }
}
