/**
 * The figures of triggers, all or those of the named parts.
 * `npx tsx test/bench/triggers.ts [latency] [cost] [dead]`
 */
import { fileURLToPath } from 'node:url'
import { benchCost } from './trigger-cost.ts'
import { benchDead } from './trigger-dead.ts'
import { benchLatency } from './trigger-latency.ts'

const PARTS: Readonly<Record<string, { readonly title: string; readonly run: () => Promise<void> }>> = {
  latency: { title: 'from a push to the request of a trigger', run: benchLatency },
  cost: { title: 'the cost of a push beside other triggers', run: benchCost },
  dead: { title: 'pages and start with 100,000 deliveries that failed for good', run: benchDead },
}

/** Prints the figures of the named parts. */
export async function bench(names: readonly string[] = Object.keys(PARTS)): Promise<void> {
  for (const name of names) {
    const part = PARTS[name]
    if (!part) throw new Error(`there is no part "${name}", only ${Object.keys(PARTS).join(', ')}`)
    console.log(`triggers: ${part.title}`)
    await part.run()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2)
  await bench(names.length > 0 ? names : undefined)
}
