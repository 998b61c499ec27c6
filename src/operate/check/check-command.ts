import { Command } from 'commander'
import type { CommandContext } from '../command.ts'
import { type CheckReport, checkDataFolder } from './check.ts'
import { describe, FINDINGS } from './finding.ts'

interface CheckFlags {
  readonly data?: string
  readonly quick?: boolean
  readonly json?: boolean
}

/** Exit code of a check that found something. */
const FOUND = 1
/** Milliseconds between two lines of progress. */
const PROGRESS_EVERY = 5_000
const GIBIBYTE = 1024 ** 3

/** Creates the command that checks a data folder. */
export function createCheckCommand({ dataFolderOf, note, print, endWith }: CommandContext): Command {
  return new Command('check')
    .description(
      'checks the data folder, also of a running server: the database, the change log against the tags, and each blob against its row and its digest; changes nothing',
    )
    .option('--data <folder>', 'data folder')
    .option('--quick', 'does not read the bytes of blobs, only their sizes')
    .option('--json', 'prints the report as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 nothing found, 1 something found, 74 a disk failed, 78 not a data folder.',
    )
    .action(async ({ data, quick = false, json = false }: CheckFlags) => {
      const onProgress = progress(note)
      const report = await checkDataFolder(dataFolderOf(data), { isDeep: !quick, onProgress })
      print(json ? JSON.stringify(withRemedies(report), null, 2) : textOf(report))
      if (report.findings.length > 0) endWith(FOUND)
    })
}

function progress(note: CommandContext['note']): (checked: number, total: number) => void {
  let next = Date.now() + PROGRESS_EVERY
  return (checked, total) => {
    if (Date.now() < next) return
    next = Date.now() + PROGRESS_EVERY
    note(`checked ${inGiB(checked)} of ${inGiB(total)} GiB`)
  }
}

const inGiB = (bytes: number): string => (bytes / GIBIBYTE).toFixed(2)

const withRemedies = ({ findings, ...rest }: CheckReport) => ({
  ...rest,
  findings: findings.map((finding) => ({ ...finding, ...FINDINGS[finding.kind] })),
})

function textOf({ findings, blobs, unreferenced, quarantined }: CheckReport): string {
  const found = findings.length === 0 ? 'nothing found' : `${findings.length} found`
  const lines = [
    ...findings.map(describe),
    `${found}: ${blobs.count} blobs (${inGiB(blobs.size)} GiB)`,
    unreferenced.count > 0 &&
      `${unreferenced.count} files (${inGiB(unreferenced.size)} GiB) without a row, which garbage collection removes`,
    quarantined.count > 0 &&
      `${quarantined.count} files (${inGiB(quarantined.size)} GiB) in quarantine, which may be removed`,
  ]
  return lines.filter(Boolean).join('\n')
}
