#!/usr/bin/env node
import './app/production.ts'

import { createCommandLine } from './app/command-line/command-line.ts'
import { exitOf } from './app/command-line/exit.ts'
import { serve } from './app/process/serve.ts'

// all files and folders are for the owner of the process only
process.umask(0o077)

const note = (text: string): void => void process.stderr.write(`${text}\n`)

const commandLine = createCommandLine({
  serve,
  note,
  print: (text) => void process.stdout.write(`${text}\n`),
  endWith: (code) => {
    process.exitCode = code
  },
})

commandLine.parseAsync().catch((error: unknown) => {
  const exit = exitOf(error)
  if (!exit) throw error
  if (exit.message !== null) note(exit.message)
  process.exit(exit.code)
})
