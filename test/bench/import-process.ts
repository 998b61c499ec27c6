import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { createApp } from '../../src/app.ts'
import { testConfig } from '../fixtures/app.ts'

// The server of the import benchmark in a process of its own, which tells its highest memory so far.

const dataFolder = mkdtempSync(join(tmpdir(), 'bench-'))
const app = await createApp(testConfig({ dataFolder }), { log: pino({ level: 'silent' }) })

process.on('message', () => process.send?.({ peak: process.resourceUsage().maxRSS * 1024 }))
process.on('disconnect', () => {
  rmSync(dataFolder, { recursive: true, force: true })
  process.exit(0)
})
process.send?.({ url: app.url })
