import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { preset } from '@graphql-codegen/client-preset'
import { codegen } from '@graphql-codegen/core'
import { buildSchema, parse } from 'graphql'
import { expect, inject, test } from 'vitest'
import { ROOT, textOf } from '../schema/printed-files.ts'
import { HEAD, LABEL, PAGE, PUSHED } from './documents.ts'
import { CODEGEN } from './recipes/codegen.ts'

const run = promisify(execFile)

/** A program that compiles only if the generated types are those of the responses. */
const PROGRAM = `
import { graphql } from './gql/gql'
import type { TypedDocumentNode } from '@graphql-typed-document-node/core'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type DataOf<Document> = Document extends TypedDocumentNode<infer Data, infer _> ? Data : never
type VariablesOf<Document> = Document extends TypedDocumentNode<infer _, infer Variables> ? Variables : never

const head = graphql(${JSON.stringify(HEAD)})
const page = graphql(${JSON.stringify(PAGE)})
const label = graphql(${JSON.stringify(LABEL)})
const pushed = graphql(${JSON.stringify(PUSHED)})
type Stream = NonNullable<DataOf<typeof page>['imageStream']>
type Tag = Stream['tags']['edges'][number]['node']

export const checks: [
  Equal<NonNullable<DataOf<typeof head>['imageStream']>['changedAt'], string | null>,
  Equal<NonNullable<Tag['image']>['digest'], string>,
  Equal<NonNullable<Tag['image']>['size'], number | null>,
  Equal<Stream['spec']['importPolicy']['importMode'], 'LEGACY' | 'PRESERVE_ORIGINAL'>,
  Equal<DataOf<typeof pushed>['imagePushed']['cursor'], string>,
  Equal<NonNullable<NonNullable<VariablesOf<typeof label>['labels']>>, { key: string; value: string } | { key: string; value: string }[]>,
] = [true, true, true, true, true, true]
`

test('the client preset of GraphQL Code Generator makes types that compile: scalars are mapped, enums are unions', async () => {
  const folder = await mkdtemp(join(inject('buildFolder'), 'codegen-'))
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const sdl = textOf('schema.graphql')
  const documents = [HEAD, PAGE, LABEL, PUSHED].map((text, at) => ({
    location: `${at}.ts`,
    rawSDL: text,
    document: parse(text),
  }))

  const generated = await preset.buildGeneratesSection({
    baseOutputDir: join(folder, 'gql/'),
    schema: parse(sdl),
    schemaAst: buildSchema(sdl),
    documents,
    config: CODEGEN,
    presetConfig: { fragmentMasking: false },
    plugins: [],
    pluginMap: {},
  })
  for (const options of generated) {
    await mkdir(dirname(options.filename), { recursive: true })
    await writeFile(options.filename, await codegen(options))
  }
  await writeFile(join(folder, 'program.ts'), PROGRAM)

  const settings = ['--strict', '--noEmit', '--skipLibCheck', '--module', 'esnext', '--target', 'es2023']
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  const { stdout } = await run(
    process.execPath,
    [tsc, ...settings, '--moduleResolution', 'bundler', 'program.ts'],
    { cwd: folder },
  ).catch((error: { stdout: string }) => error)
  expect(stdout).toBe('')
})
