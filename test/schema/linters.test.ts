import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import graphqlPlugin from '@graphql-eslint/eslint-plugin'
import { ESLint, type Linter } from 'eslint'
import { describe, expect, test } from 'vitest'
import { VALUES } from '../graphql/values.ts'
import { ROOT } from './printed-files.ts'

const run = promisify(execFile)
const require = createRequire(import.meta.url)

const SCHEMA = join(ROOT, 'schema.graphql')

/** Rules of graphql-eslint that do not hold, or not as they are by default, with the reason of each. */
const EXCEPTIONS: Linter.RulesRecord = {
  // connections have `nodes` besides `edges`, as GitHub's; other lists say why they are bounded
  '@graphql-eslint/relay-edge-types': ['error', { listTypeCanWrapOnlyEdgeType: false }],
  // values have no id: each has its reason
  '@graphql-eslint/strict-id-in-types': [
    'error',
    {
      exceptions: {
        types: [...Object.keys(VALUES), 'PageInfo'],
        suffixes: ['Connection', 'Edge', 'Payload'],
      },
    },
  ],
  // the standard directive has no argument for a date: the reason has it (schema.test.ts)
  '@graphql-eslint/require-deprecation-date': 'off',
  // graphql-js sorts the printed schema, by another order of letters
  '@graphql-eslint/alphabetize': 'off',
  // the API has mutations and subscriptions
  '@graphql-eslint/no-root-type': 'off',
  // a failed operation is an error: a payload and a list are never null
  '@graphql-eslint/require-nullable-result-in-root': 'off',
  // a payload holds what the mutation changed: a client reads more by its id
  '@graphql-eslint/require-field-of-type-query-in-mutation-result': 'off',
}

/** Items of plans, decisions, removals and tests, which are computed and not stored: they have no id. */
const COMPUTED = [
  'FederationVerdict',
  'KeptImage',
  'KeptManifest',
  'PlannedBlob',
  'PlannedImage',
  'PlannedManifest',
  'PlannedMirroredTag',
  'PlannedTagEvent',
  'PolicyExcludedTag',
  'PolicyRankedTag',
  'ReceiverTestTarget',
  'StoppedSource',
]

/** What a rule reports that is meant so: the definition, and the rule. */
const MEANT: readonly string[] = [
  // the progress of an import: total, imported, unchanged, failed
  'imported: Int! no-typename-prefix',
  ...COMPUTED.map((item) => `type ${item}Edge relay-edge-types`),
]

describe('schema.graphql', () => {
  test('is clean by all schema rules of graphql-eslint', async () => {
    const { configs, parser } = graphqlPlugin
    const rules = {
      ...configs['flat/schema-all'].rules,
      ...configs['flat/schema-relay'].rules,
      ...EXCEPTIONS,
    }
    const eslint = new ESLint({
      cwd: ROOT,
      overrideConfigFile: true,
      overrideConfig: {
        files: ['**/*.graphql'],
        languageOptions: { parser, parserOptions: { graphQLConfig: { schema: SCHEMA } } },
        plugins: { '@graphql-eslint': graphqlPlugin as object },
        rules,
      },
    })

    const [result] = await eslint.lintFiles([SCHEMA])

    const lines = readFileSync(SCHEMA, 'utf8').split('\n')
    const reported = result?.messages.map(({ line, ruleId }) => {
      return `${lines[line - 1]?.trim().replace(/ [&{].*$/, '')} ${ruleId?.split('/')[1]}`
    })
    expect(reported?.sort()).toEqual([...MEANT].sort())
    expect(Object.keys(rules).length).toBeGreaterThan(30)
  })

  test('is clean by all rules of graphql-schema-linter', async () => {
    const linter = require.resolve('graphql-schema-linter/lib/cli.js')

    const { stdout } = await run(process.execPath, [linter, '--format', 'json', SCHEMA]).catch(
      (error: { stdout: string }) => error,
    )

    expect(JSON.parse(stdout)).toEqual({ errors: [] })
  })
})
