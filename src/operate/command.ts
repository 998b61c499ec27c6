import type { Command } from 'commander'

/** What a command has of its process. */
export interface CommandContext {
  /** Returns the absolute path of the data folder: that of `--data`, of the environment, or the default. Throws ConfigError. */
  readonly dataFolderOf: (flag: string | undefined) => string
  /** Writes a line to standard error: progress, and what the operator should know. */
  readonly note: (line: string) => void
  /** Writes the result to standard output. */
  readonly print: (text: string) => void
  /** Sets the exit code of a command that finished, and found something; it is 0 otherwise. */
  readonly endWith: (code: number) => void
}

/** Creates a command, to be called once. */
export type CreateCommand = (context: CommandContext) => Command
