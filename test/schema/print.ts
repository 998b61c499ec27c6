import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { printedFiles, ROOT } from './printed-files.ts'

for (const [path, text] of Object.entries(printedFiles())) writeFileSync(join(ROOT, path), text)
