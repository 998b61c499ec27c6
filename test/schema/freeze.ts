import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHANGELOG, FROZEN_SCHEMA, freeze } from './frozen.ts'
import { ROOT, textOf } from './printed-files.ts'

const after = textOf('schema.graphql')
const before = existsSync(join(ROOT, FROZEN_SCHEMA)) ? textOf(FROZEN_SCHEMA) : after
const date = new Date().toISOString().slice(0, 10)
writeFileSync(join(ROOT, CHANGELOG), freeze(textOf(CHANGELOG), { before, after, date }))
writeFileSync(join(ROOT, FROZEN_SCHEMA), after)
