import { fileURLToPath } from 'node:url'
import semver from 'semver'
import type { TagName } from '../../src/oci/tag.ts'
import { checkPolicy } from '../../src/policy/check-policy.ts'
import { type Decision, decide } from '../../src/policy/decide.ts'
import { type TagPolicyInput, writePolicy } from '../../src/policy/policy.ts'
import { type Candidate, isRanked, ruleOf } from '../../src/policy/rule.ts'

// Time of policy decisions over 10,000 tags, compared with a bare loop over semver (and the native RegExp) that chooses the
// same tag and produces nothing else: no counts, no reasons, no ties.

const TAGS = 10_000
const SHOWN = 10
const ROUNDS = 25
const WARM_UP = 5
const VARIANTS = ['', '-slim', '-alpine', '-bookworm']

/** Versions with each variant, as in repositories of images: in byte order, as registries list them. */
const tags: readonly TagName[] = Array.from({ length: TAGS }, (_, at) => {
  const version = Math.floor(at / VARIANTS.length)
  const [major, minor, patch] = [Math.floor(version / 250), Math.floor(version / 25) % 10, version % 25]
  return `${major}.${minor}.${patch}${VARIANTS[at % VARIANTS.length]}` as TagName
}).sort()
const candidates: readonly Candidate[] = tags.map((tag, at) => ({ tag, createdAt: at }))

/** Returns the best tag among those that `read` accepts as versions. */
function bareLoop(range: string, read: (tag: string) => string | undefined): string | null {
  let chosen: string | null = null
  let best = ''
  for (const tag of tags) {
    const version = read(tag)
    if (version === undefined || !semver.satisfies(version, range)) continue
    if (chosen === null || semver.gt(version, best)) {
      chosen = tag
      best = version
    }
  }
  return chosen
}

interface Case {
  readonly name: string
  readonly policy: TagPolicyInput
  readonly bare: () => string | null
}

const SLIM = /^(\d+\.\d+\.\d+)-slim$/
const CASES: readonly Case[] = [
  { name: '^3.3', policy: { order: 'SEMVER', range: '^3.3' }, bare: () => bareLoop('^3.3', (tag) => tag) },
  {
    name: `^3.3, filter ${SLIM.source}`,
    policy: { order: 'SEMVER', range: '^3.3', filter: { pattern: SLIM.source } },
    bare: () => bareLoop('^3.3', (tag) => SLIM.exec(tag)?.[1]),
  },
  {
    name: 'any version, filter ^(.+)-slim$',
    policy: { order: 'SEMVER', filter: { pattern: '^(.+)-slim$' } },
    bare: () => bareLoop('*', (tag) => /^(.+)-slim$/.exec(tag)?.[1]),
  },
]

/** Returns the milliseconds of the fastest of several rounds. */
function quickest(run: () => unknown): number {
  let least = Number.POSITIVE_INFINITY
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const began = performance.now()
    run()
    if (round >= 0) least = Math.min(least, performance.now() - began)
  }
  return least
}

function measureCase({ name, policy, bare }: Case): void {
  const text = writePolicy(checkPolicy(policy))
  const run = (): Decision => decide(ruleOf(text), candidates, { shown: SHOWN })
  const [chosen, expected] = [run().chosen, bare()]
  if (chosen !== expected) throw new Error(`${name}: ${chosen} was chosen, but ${expected} by the bare loop`)
  const [ours, least] = [quickest(run), quickest(bare)]
  console.log(
    `  ${name}: ${ours.toFixed(1)} ms, the bare loop ${least.toFixed(1)} ms, ratio ${(ours / least).toFixed(2)}`,
  )
}

/** Measures a moved tag if the chosen one is known: it is ranked and compared with the chosen one. */
function measureMoves(): void {
  const { rank, compare } = ruleOf(writePolicy(checkPolicy({ order: 'SEMVER', range: '^3.3' })))
  const chosen = rank({ tag: '3.9.24' as TagName, createdAt: null })
  if (!isRanked(chosen)) throw new Error('the tag cannot be chosen')
  const time = quickest(() => {
    for (const candidate of candidates) {
      const moved = rank(candidate)
      if (isRanked(moved)) compare(moved, chosen)
    }
  })
  console.log(`  one moved tag, compared with the chosen one: ${((time / TAGS) * 1000).toFixed(2)} µs`)
}

/** Measures the largest permitted programs over the longest names: the maximum cost that a client can cause. */
function measureHostile(): void {
  const name = 'a'.repeat(128 - 5)
  const longest = tags.map((_, at) => ({ tag: `${name}${at}`.padEnd(128, 'a') as TagName, createdAt: null }))
  for (const pattern of ['(a+)+$', '(.*)*[xy]', '(?:a*){45}[bc]', '((?:a?){45})[bc]']) {
    const rule = ruleOf(writePolicy(checkPolicy({ order: 'ALPHABETICAL', filter: { pattern } })))
    const began = performance.now()
    decide(rule, longest, { shown: SHOWN })
    console.log(`  hostile ${pattern}: ${(performance.now() - began).toFixed(0)} ms`)
  }
}

/** Prints a line per rule. */
export function bench(): void {
  console.log(`policy: ${TAGS} tags`)
  for (const one of CASES) measureCase(one)
  measureMoves()
  measureHostile()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) bench()
