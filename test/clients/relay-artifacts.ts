import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ConcreteRequest, ReaderFragment } from 'relay-runtime'
import { inject } from 'vitest'
import { textOf } from '../schema/printed-files.ts'

const run = promisify(execFile)

/** What Relay's compiler made of the documents, by the name of the operation or fragment. */
export interface Artifacts {
  operation(name: string): ConcreteRequest
  fragment(name: string): ReaderFragment
}

/** Compiles documents by Relay's compiler with `schema.graphql`; `documents` has the text of each module by its name. */
export async function compileForRelay(documents: Readonly<Record<string, string>>): Promise<Artifacts> {
  const folder = await mkdtemp(join(inject('buildFolder'), 'relay-'))
  for (const name of ['modules', 'artifacts']) await mkdir(join(folder, name))
  const files = {
    'schema.graphql': textOf('schema.graphql'),
    'relay.config.json': JSON.stringify({
      src: './modules',
      schema: './schema.graphql',
      artifactDirectory: './artifacts',
      language: 'javascript',
      eagerEsModules: false,
    }),
    ...Object.fromEntries(
      Object.entries(documents).map(([name, text]) => [`modules/${name}.js`, `graphql\`${text}\``]),
    ),
  }
  for (const [path, text] of Object.entries(files)) await writeFile(join(folder, path), text)
  const require = createRequire(import.meta.url)
  await run(process.execPath, [require.resolve('relay-compiler/cli.js'), 'relay.config.json'], {
    cwd: folder,
  })
  const artifact = (name: string) => require(join(folder, 'artifacts', `${name}.graphql.js`))
  return { operation: artifact, fragment: artifact }
}
