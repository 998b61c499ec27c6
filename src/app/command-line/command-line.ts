import { Command } from 'commander'
import { createBackupCommand } from '../../operate/backup/command.ts'
import { createCheckCommand } from '../../operate/check/check-command.ts'
import type { CommandContext, CreateCommand } from '../../operate/command.ts'
import { createRestoreCommand } from '../../operate/restore/command.ts'
import { readDataFolder, settingsText } from '../config.ts'
import { readVersion } from '../version.ts'
import { openAdoption } from './adoption.ts'
import { UsageError } from './exit.ts'

/** Commands that work on the data folder of a server, which may run meanwhile. */
const OPERATIONS: readonly CreateCommand[] = [
  createBackupCommand,
  createRestoreCommand,
  createCheckCommand(openAdoption),
]

interface CommandLineOptions extends Omit<CommandContext, 'dataFolderOf'> {
  /** Starts the server with these flags. */
  readonly serve: (flags: readonly string[]) => Promise<void>
}

/** Creates the commands of `imagestreams`. Without one it serves. Parsing throws CommanderError, also after it printed help. */
export function createCommandLine({ serve, ...context }: CommandLineOptions): Command {
  const program = new Command('imagestreams')
    .description(
      'Records which image each tag of a container registry points to, and reports each change.\nWithout a command it serves.',
    )
    .version(readVersion())
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .addHelpText('after', `\n${settingsText()}`)
  program
    .command('serve', { isDefault: true })
    .description('serves the GraphQL API and the registry')
    .usage('[settings]')
    // its flags are the settings, which config.ts reads
    .allowUnknownOption()
    .allowExcessArguments()
    .addHelpText('after', `\n${settingsText()}`)
    .action(async (_options: object, { args }: Command) => {
      const [first] = args
      if (first !== undefined && !first.startsWith('-')) {
        throw new UsageError(`"${first}" is not a command: imagestreams --help lists them`)
      }
      await serve(args)
    })
  for (const createCommand of OPERATIONS) {
    program.addCommand(
      createCommand({ ...context, dataFolderOf: readDataFolder }).copyInheritedSettings(program),
    )
  }
  return program
}
