import { checkDatabase } from './check.ts'

// The process of `check-apart.ts`.
process.send?.(checkDatabase(process.argv[2] ?? ''), () => process.disconnect())
