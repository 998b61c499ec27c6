import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MIGRATIONS = join(ROOT, 'src/db/migrations')

it('the migrations create exactly the tables that the code declares', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'imagestreams-migrations-'))
  try {
    cpSync(MIGRATIONS, join(folder, 'migrations'), { recursive: true })
    const config = join(folder, 'drizzle.config.json')
    writeFileSync(
      config,
      JSON.stringify({
        dialect: 'sqlite',
        schema: join(ROOT, 'src/db/tables/index.ts'),
        out: './migrations',
      }),
    )

    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(ROOT, 'node_modules/drizzle-kit/bin.cjs'), 'generate', '--config', config],
      { cwd: folder },
    )

    expect(stdout).toContain('No schema changes, nothing to migrate')
    expect(readdirSync(join(folder, 'migrations'))).toEqual(readdirSync(MIGRATIONS))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

it('a migration does not change once data folders have it', () => {
  const listed = readFileSync(new URL('migrations.sha256', import.meta.url), 'utf8')
    .trim()
    .split('\n')
  const names = readdirSync(MIGRATIONS).filter((name) => name.endsWith('.sql'))
  const present = names.map((name) => {
    const hash = createHash('sha256')
      .update(readFileSync(join(MIGRATIONS, name)))
      .digest('hex')
    return `${hash}  ${name}`
  })
  expect(
    present,
    'a released migration stays as it is: write another one. A new one is added to the list with sha256sum',
  ).toEqual(listed)
})
