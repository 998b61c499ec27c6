import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

// `npm run bench`, or `npm run bench -- query` for some: each runs in its own process, one after the other.

const BENCHES = [
  'import',
  'query',
  'subscribe',
  'registry',
  'policy',
  'find',
  'requests',
  'fairness',
  'collect',
  'rights',
  'timing',
  'abuse',
  'triggers',
]

const chosen = process.argv.slice(2)
const unknown = chosen.find((name) => !BENCHES.includes(name))
if (unknown) {
  console.error(`there is no benchmark "${unknown}", only ${BENCHES.join(', ')}`)
  process.exit(1)
}
for (const name of chosen.length > 0 ? chosen : BENCHES) {
  const script = fileURLToPath(new URL(`${name}.ts`, import.meta.url))
  const [code] = await once(
    spawn(process.execPath, ['--import', 'tsx', script], { stdio: 'inherit' }),
    'exit',
  )
  if (code !== 0) process.exitCode = 1
}
