import { type SetTimer, systemTimer } from '../concurrency/clock.ts'
import type { Database } from '../db/open.ts'
import type { Transaction } from '../db/transact.ts'
import { type Importer, RUNNING_IMPORTS } from '../imagestream/import/import.ts'
import { groupBy } from '../input/group-by.ts'
import type { TagName } from '../oci/tag.ts'
import type { HintRetries } from './retries.ts'
import type { ScopedHint } from './scope.ts'
import { createSources, type Sources } from './targets.ts'

export interface HintWorkerDependencies {
  readonly db: Database
  readonly importer: Pick<Importer, 'request'>
  readonly retries: Pick<HintRetries, 'next'>
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Told of an error that is nobody's fault but ours; what is open is tried again at the next wake. */
  readonly onError: (error: unknown) => void
  /** The system's unless given. */
  readonly setTimer?: SetTimer
}

/** Works off hints: asks the registry for just the tags that they concern, and nothing that is known already. */
export interface HintWorker extends Disposable {
  /** There may be something to do. */
  wake(): void
  /** Resolves when nothing is left that could be done now. */
  idle(): Promise<void>
}

/** Hints, and then tags, of one transaction: nothing else is written meanwhile. */
const HINTS_AT_ONCE = 200
const TARGETS_AT_ONCE = 500
/** Tags after which no further hint is worked out in the same transaction: a thousand streams may follow one repository. */
export const FAN_OUT_AT_ONCE = 2000
/** Milliseconds after which one transaction looks for no further repository: each look reads all that a namespace takes in. */
export const LOOKING_AT_ONCE = 20
/** Imports that were begun by hints and are not finished: beyond that hints wait, and come together. */
export const MAX_UNFINISHED = RUNNING_IMPORTS / 2

interface OpenHint extends ScopedHint {
  readonly id: number
  readonly namespace: string
}

interface OpenTarget {
  readonly id: number
  readonly streamId: number
  readonly tag: TagName | ''
  readonly isSpecTag: 0 | 1
  /** 1 when the tag means what the hint told, as far as is known here. */
  readonly isKnown: 0 | 1
}

export function createHintWorker(dependencies: HintWorkerDependencies): HintWorker {
  const { db, importer, retries, now, onError, setTimer = systemTimer } = dependencies
  const sources = createSources(db)
  const openHints = db.prepare<OpenHint>(`
    select h.id, w.namespace, h.registry, h.repository, h.tag, h.digest, h.action
    from webhook_hints h join webhooks w on w.id = h.webhook_id where h.handled_at is null order by h.id
    limit ${HINTS_AT_ONCE}`)
  const handled = db.prepare('update webhook_hints set handled_at = ? where id = ?')
  const addTarget = db.prepare(
    `insert into webhook_targets (hint_id, stream_id, tag, is_spec_tag, state) values (?, ?, ?, ?, 'OPEN')`,
  )
  const unfinished = db.prepare<{ total: number }>(`
    select count(*) as total from imports where finished_at is null and request ->> '$.urgency' = 'webhook'`)
  // A stream's next import waits for the one before: what comes meanwhile is asked for in one.
  // While any import of a stream runs, what is known of it may be about to change.
  const openTargets = db.prepare<OpenTarget>(`
    select t.id, t.stream_id as streamId, t.tag, t.is_spec_tag as isSpecTag,
      h.action = 'push' and exists (select 1 from tags g where g.stream_id = t.stream_id and g.name = t.tag
          and g.upstream_digest = h.digest and g.failing is null)
        and not exists (select 1 from spec_tags p where t.is_spec_tag and p.stream_id = t.stream_id
          and p.name = t.tag and p.policy is not null)
        and t.stream_id not in (select coalesce(stream_id, 0) from imports where finished_at is null) as isKnown
    from webhook_targets t join webhook_hints h on h.id = t.hint_id
    where t.state = 'OPEN' and coalesce(t.retry_at, 0) <= ? and t.stream_id not in (
      select coalesce(stream_id, 0) from imports where finished_at is null and request ->> '$.urgency' = 'webhook')
    order by t.id limit ${TARGETS_AT_ONCE}`)
  const settle = db.prepare(
    'update webhook_targets set state = ?, import_id = coalesce(?, import_id) where id = ?',
  )

  const fanOut = (): boolean => {
    const hints = openHints.all()
    const ofNamespace = new Map<string, Sources>()
    let found = 0
    const until = now() + LOOKING_AT_ONCE
    let isBegun = false
    for (const hint of hints) {
      if (found >= FAN_OUT_AT_ONCE) break
      const { id, namespace } = hint
      const from = ofNamespace.get(namespace) ?? sources.of(namespace)
      // the next turn has it; hints of one repository stay in their order
      if (isBegun && now() >= until && !from.knows(hint)) continue
      isBegun = true
      ofNamespace.set(namespace, from)
      for (const { streamId, tag, isSpecTag } of from.targetsOf(hint)) {
        addTarget.run(id, streamId, tag, isSpecTag ? 1 : 0)
        found += 1
      }
      handled.run(now(), id)
    }
    return hints.length > 0
  }

  const askFor = (tx: Transaction, streamId: number, targets: readonly OpenTarget[]): void => {
    const wanted = targets.filter(({ isKnown }) => !isKnown)
    for (const { id, isKnown } of targets) if (isKnown) settle.run('KNOWN', null, id)
    if (wanted.length === 0) return
    const repository = wanted.some(({ tag }) => tag === '')
    const named = (isSpecTag: 0 | 1): TagName[] => [
      ...new Set(wanted.flatMap((one) => (one.tag !== '' && one.isSpecTag === isSpecTag ? [one.tag] : []))),
    ]
    const importId = importer.request(tx, streamId, {
      repository,
      specTags: named(1).sort(),
      // a listing has them
      repositoryTags: repository ? [] : named(0).sort(),
      urgency: 'webhook',
    })
    for (const { id } of wanted) settle.run('ASKED', importId, id)
  }

  const ask = (tx: Transaction): boolean => {
    let places = MAX_UNFINISHED - (unfinished.get()?.total ?? 0)
    if (places <= 0) return false
    const ofStreams = groupBy(openTargets.all(now()), ({ streamId }) => streamId)
    for (const [streamId, targets] of ofStreams) {
      if (places-- <= 0) break
      askFor(tx, streamId, targets)
    }
    return ofStreams.size > 0
  }

  let isStopped = false
  let cancelTimer = (): void => {}
  let working: Promise<void> | undefined
  let isRung = false
  const work = async (): Promise<void> => {
    do {
      isRung = false
      for (let more = true; more && !isStopped; ) {
        // others have their turn between two commits
        await new Promise<void>((resolve) => setImmediate(resolve))
        if (isStopped) return
        more = db.transact(fanOut)
        more = db.transact(ask) || more
      }
    } while (isRung && !isStopped)
    cancelTimer()
    const next = retries.next()
    if (next !== undefined) cancelTimer = setTimer(wake, next - now())
  }
  const wake = (): void => {
    isRung = true
    if (isStopped) return
    working ??= work()
      .catch(onError)
      .finally(() => {
        working = undefined
        // rung when the last look was over
        if (isRung) wake()
      })
  }

  return {
    wake,
    async idle() {
      while (working) await working
    },
    [Symbol.dispose]() {
      isStopped = true
      cancelTimer()
    },
  }
}
