import { Command } from 'commander'
import type { CommandContext, CreateCommand } from '../command.ts'
import { type AdoptionReport, adoptContent, type OpenAdoption } from './adopt.ts'
import { type CheckReport, checkDataFolder } from './check.ts'
import { describe, FINDINGS } from './finding.ts'

interface CheckFlags {
  readonly data?: string
  readonly quick?: boolean
  readonly adopt?: boolean
  readonly json?: boolean
}

/** Exit code of a check that found something. */
const FOUND = 1
/** Milliseconds between two lines of progress. */
const PROGRESS_EVERY = 5_000
const GIBIBYTE = 1024 ** 3

/** Returns what creates the command that checks a data folder; `openAdoption` joins what `--adopt` needs of the server. */
export const createCheckCommand =
  (openAdoption: OpenAdoption): CreateCommand =>
  ({ dataFolderOf, note, print, endWith }) =>
    new Command('check')
      .description(
        'checks the data folder, also of a running server: the database, the change log against the tags, and each blob against its row and its digest; changes nothing',
      )
      .option('--data <folder>', 'data folder')
      .option('--quick', 'does not read the bytes of blobs, only their sizes')
      .option(
        '--adopt',
        'rebuilds the repositories of a data folder whose database is lost, from its inventory: their newest images alone',
      )
      .option('--json', 'prints the report as JSON')
      .addHelpText(
        'after',
        '\nExit codes: 0 nothing found, 1 something found, 74 a disk failed, 78 not a data folder.',
      )
      .action(async ({ data, quick = false, adopt = false, json = false }: CheckFlags) => {
        if (adopt) {
          const onRepository = (name: string): void => note(`adopting ${name}`)
          const adopted = await adoptContent(dataFolderOf(data), {
            open: openAdoption,
            isDeep: !quick,
            onRepository,
          })
          print(json ? JSON.stringify(adopted, null, 2) : adoptionText(adopted))
          if (adopted.left.length + adopted.unreadable.length > 0) endWith(FOUND)
          return
        }
        const onProgress = progress(note)
        const report = await checkDataFolder(dataFolderOf(data), { isDeep: !quick, onProgress })
        print(json ? JSON.stringify(withRemedies(report), null, 2) : textOf(report))
        if (report.findings.length > 0) endWith(FOUND)
      })

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

const ADOPTED = `The histories of tags, streams of other registries, their settings, credentials, receivers, triggers and grants were only in the
database: a backup has them. The change log is a new one: clients start again without a cursor.`

const adoptionText = ({
  repositoryCount,
  manifestCount,
  tagCount,
  left,
  unreadable,
}: AdoptionReport): string =>
  [
    ...unreadable.map((name) => `NOT ADOPTED ${name}\n  why        its list in the inventory is damaged`),
    ...left.map(({ repository, digest, why }) => `NOT ADOPTED ${repository}@${digest}\n  why        ${why}`),
    `adopted ${repositoryCount} repositories with ${manifestCount} manifests and ${tagCount} tags, each with its newest image`,
    ADOPTED,
  ].join('\n')
