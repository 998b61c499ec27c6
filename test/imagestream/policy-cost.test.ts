import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SYSTEM } from '../../src/access/right/viewer.ts'
import { compilePattern } from '../../src/policy/pattern.ts'
import { NAMES_A_TURN } from '../../src/policy/rule.ts'
import { countingIterations } from '../fixtures/event-loop.ts'
import { image, releases } from '../fixtures/random-image.ts'
import { type Statements, watchStatements } from '../fixtures/statements.ts'
import { UPSTREAM } from '../fixtures/test-domain.ts'
import { following, one, two } from './follow-world.ts'
import { PolicyWorld, ruled } from './policy-world.ts'

let world: PolicyWorld
let statements: Statements

beforeEach(() => {
  world = new PolicyWorld()
  statements = watchStatements()
})
afterEach(async () => {
  statements[Symbol.dispose]()
  await world[Symbol.asyncDispose]()
})

const RULES = /from spec_tags p indexed by spec_tags_with_policy join image_streams/
const CANDIDATE =
  /where t\.stream_id = \? and t\.name = \? and t\.gone_at is null and p\.follows_tag is null and p\.policy is null/
const CANDIDATES =
  /where t\.stream_id = \? and t\.gone_at is null and p\.follows_tag is null and p\.policy is null/
/** Read once at the end of an import: the chosen tags that their registry does not have any longer. */
const GONE = /select c\.chosen from spec_tags p indexed by spec_tags_with_policy/
const count = (text: RegExp): number => statements.run.filter((one) => text.test(one)).length

describe('the cost of a policy', () => {
  it('is two lookups for each tag that an import moves, and never a read of all tags', async () => {
    const all = [...releases(5000, { images: 20 })]
    for (const [tag, content] of all) world.remote.push(UPSTREAM, tag, content)
    const spec = { dockerImageRepository: UPSTREAM, tags: [ruled('stable', { order: 'SEMVER' })] }
    const { importId } = world.writer.create(SYSTEM, { namespace: 'default', name: 'ruby', spec })
    statements.reset()

    expect(await world.finished(importId ?? 0)).toMatchObject({ imported: all.length, failed: 0 })
    expect(count(RULES)).toBe(all.length)
    expect(count(GONE)).toBe(1)
    // the moved tag, and the tag that was chosen before
    expect(count(CANDIDATE)).toBeLessThan(2 * all.length)
    expect(count(CANDIDATES)).toBe(0)
    expect(world.decision('ruby:stable', 0)).toMatchObject({ chosen: '5.99.9', rankedCount: all.length })
    expect(world.digestsOf('ruby:stable')[0]).toBe(all.find(([tag]) => tag === '5.99.9')?.[1].digest)

    statements.reset()
    await world.import()
    expect(count(RULES)).toBe(0)
  })

  it('is one lookup in a stream without policies, and none for a tag that does not move', () => {
    world.push(one, 'web:1')
    statements.reset()
    world.push(two, 'web:1')
    expect([count(RULES), count(CANDIDATE), count(CANDIDATES)]).toEqual([1, 0, 0])

    statements.reset()
    world.push(two, 'web:1')
    expect(count(RULES)).toBe(0)
  })

  it('is an indexed read of the policies, without the other spec tags', () => {
    world.push(one, 'web:1')
    const plan = world.db
      .prepare<{ detail: string }>(`explain query plan ${statements.run.find((text) => RULES.test(text))}`)
      .all(1)
      .map(({ detail }) => detail)

    expect(plan.join('\n')).toContain('SEARCH p USING INDEX spec_tags_with_policy (stream_id=?)')
    expect(plan.join('\n')).not.toContain('SCAN')
  })

  it('is one read of all tags for all policies when the chosen tag is removed or gets older', () => {
    for (let year = 2000; year < 2010; year++) {
      world.push(image({ seed: year, created: new Date(Date.UTC(year)) }), `web:1.${year}`)
    }
    world.specify('web', [ruled('stable', { order: 'SEMVER' }), ruled('last', { order: 'NEWEST' })])
    expect(count(CANDIDATES)).toBe(1)

    world.push(image({ seed: 'newer', created: new Date(Date.UTC(2010)) }), 'web:1.2009')
    expect(count(CANDIDATES)).toBe(1)
    world.push(image({ seed: 'older', created: new Date(Date.UTC(2008)) }), 'web:1.2009')
    expect(count(CANDIDATES)).toBe(2)
    world.untag('web:1.2009')
    expect(count(CANDIDATES)).toBe(3)
    world.untag('web:1.2001')
    expect(count(CANDIDATES)).toBe(3)
  })

  it('is one read of all tags for each new version of the stream, when clients read the decision', () => {
    world.push(one, 'web:1.0')
    world.specify('web', [ruled('stable', { order: 'SEMVER' })])
    statements.reset()

    expect(world.decision('web:stable', 5)).toEqual(world.decision('web:stable', 5))
    expect(count(CANDIDATES)).toBe(1)

    world.push(two, 'web:2.0')
    expect(world.decision('web:stable', 5)).toMatchObject({ chosen: '2.0', rankedCount: 2 })
    expect(count(CANDIDATES)).toBe(2)
  })

  it('is one read of each tag of a written spec, for any number of policies', () => {
    const tags = Array.from({ length: 200 }, (_, at) => following(`${at}.0`, 'other:x', { reference: true }))
    const rules = Array.from({ length: 50 }, (_, at) =>
      ruled(`at-most-${at}`, { order: 'SEMVER', range: `<=${at}` }),
    )
    world.push(one, 'other:x')
    world.createWith('web', rules)
    statements.reset()
    world.specify('web', [...rules, ...tags])

    expect(world.decision('web:at-most-49', 0)?.chosen).toBe('49.0')
    expect(count(CANDIDATE)).toBe(tags.length)
  })

  it('is spread over iterations of the event loop for a filter: the transaction after it searches no name again', async () => {
    const names = Array.from({ length: 10 * NAMES_A_TURN }, (_, at) => `build-${at}`)
    for (const tag of names) world.push(one, `web:${tag}`)
    const policy = { order: 'NUMERICAL', filter: { pattern: 'build-(\\d*[02468])$' } } as const
    let searched = 0
    const engine: { executeEngine(...input: unknown[]): unknown } = Object.getPrototypeOf(
      compilePattern('a').re2(),
    )
    const { executeEngine } = engine
    engine.executeEngine = function (...input) {
      searched++
      return Reflect.apply(executeEngine, this, input)
    }
    try {
      const { iterations } = await countingIterations(() =>
        world.policies.applyFilters(world.stream('web').id, [policy]),
      )
      expect(searched).toBeGreaterThanOrEqual(names.length)
      expect(iterations).toBeGreaterThanOrEqual(names.length / NAMES_A_TURN - 1)

      searched = 0
      world.specify('web', [ruled('stable', policy)])
      expect(world.decision('web:stable', 0)).toMatchObject({ chosen: 'build-498', rankedCount: 250 })
      expect(searched).toBe(0)
    } finally {
      engine.executeEngine = executeEngine
    }
  })

  it('is nothing to prepare for an invalid policy, which the command refuses', async () => {
    world.push(one, 'web:1')

    await expect(
      world.policies.applyFilters(world.stream('web').id, [{ order: 'SEMVER', filter: { pattern: '(' } }]),
    ).resolves.toBeUndefined()
  })
})
