import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { startApp } from '../fixtures/app.ts'
import { missingPrograms } from '../fixtures/programs.ts'
import { readModules } from '../rooms/modules.ts'

const FOLDER = fileURLToPath(new URL('../../deploy/monitoring/', import.meta.url))
const read = (name: string): string => readFileSync(`${FOLDER}${name}`, 'utf8')

interface Rule {
  readonly alert: string
  readonly expr: string
}
const rules = (parse(read('alerts.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
)
const dashboard = JSON.parse(read('dashboard.json')) as {
  panels: { id: number; title: string; targets?: { expr: string }[] }[]
}
const expressions = [
  ...rules.map(({ expr }) => expr),
  ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
]
const runbook = read('README.md')

describe('the alerts and the dashboard', () => {
  test('use only metrics that the server has', async () => {
    await using app = await startApp()
    const text = await (await fetch(`${app.app.url}/metrics`)).text()
    const names = new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name ?? ''))
    const used = expressions.flatMap((expr) => expr.match(/\b(?:imagestreams|process|nodejs)_[a-z_]+/g) ?? [])
    expect(used.length).toBeGreaterThan(40)
    for (const name of used) {
      const base = name.replace(/_(?:bucket|count|sum)$/, '')
      expect([name, names.has(name) || names.has(base)]).toEqual([name, true])
    }
  })

  test('are valid, and each alert fires when it should', ({ skip, onTestFinished }) => {
    const missing = missingPrograms('promtool')
    if (missing) return skip(missing)
    for (const args of [
      ['check', 'rules', 'alerts.yaml'],
      ['test', 'rules', 'alerts.test.yaml'],
    ]) {
      const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: FOLDER, encoding: 'utf8' })
      expect({ args, status, output: stdout + stderr }).toMatchObject({ args, status: 0 })
    }
    // as rules, so that the language is checked
    const recorded = expressions.map((expr, at) => ({
      record: `panel:${at}`,
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
    }))
    const folder = mkdtempSync(join(tmpdir(), 'imagestreams-panels-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'panels.yaml')
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'panels', rules: recorded }] }))
    expect(execFileSync('promtool', ['check', 'rules', file], { encoding: 'utf8' })).toContain(
      `SUCCESS: ${expressions.length} rules`,
    )
  })

  test('have one test for each alert, and panels with ids of their own', () => {
    const tested = [...read('alerts.test.yaml').matchAll(/alertname: (\w+)\n/g)].map(([, name]) => name)
    expect(tested.sort()).toEqual(rules.map(({ alert }) => alert).sort())
    const ids = dashboard.panels.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })
})

/** Messages with which a start is refused, without what is computed. */
function refusals(): string[] {
  const modules = readModules()
  const thrown = modules.flatMap(({ text }) =>
    [...text.matchAll(/new (?:DatabaseRefusedError|SealingKeyError)\(\s*(`[^`]*`|'[^']*')/g)].map(
      ([, literal = '']) => literal.slice(1, -1),
    ),
  )
  const of = (path: string) => modules.find((module) => module.path === path)?.text ?? ''
  const sentences = (text: string) =>
    [...text.matchAll(/'([^'\n]* [^'\n]*[:;] ?[^'\n]* [^'\n]*)'/g)].map(([, one = '']) => one)
  const exits = sentences(of('app/command-line/exit.ts'))
  const sqlite = sentences(of('db/refusal.ts'))
  expect([thrown.length > 10, exits.length > 8, sqlite.length > 2]).toEqual([true, true, true])
  return [...thrown, ...exits, ...sqlite]
}

describe('the runbook', () => {
  test('has an entry for each alert and for no other, and its links lead to one', () => {
    const entries = [...runbook.matchAll(/^### (\w+)$/gm)].map(([, name]) => name)
    expect(entries).toEqual(rules.map(({ alert }) => alert))
    const anchors = [...runbook.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title.toLowerCase().replaceAll(' ', '-'),
    )
    for (const [, anchor] of runbook.matchAll(/\]\(#([^)]+)\)/g)) expect(anchors).toContain(anchor)
  })

  test('has an entry for each message with which a start is refused', () => {
    const entries = [...runbook.matchAll(/^\| `([^`]+)`(?: and `[^`]+`)? \| \d+ \|/gm)].map(
      ([, text = '']) => text,
    )
    const missing = refusals().filter((message) => {
      // a message of nothing but computed parts has those of its own
      const text = message.replaceAll(/\$\{(?:[^{}]|\{[^}]*\})*\}/g, '…')
      return /\w{3}/.test(text) && !entries.some((entry) => text.includes(entry))
    })
    expect(missing).toEqual([])
  })
})
