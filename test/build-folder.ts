import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of compiled servers, which exists during the test run. */
    buildFolder: string
  }
}

/** Creates the folder for compiled servers before the first test, and removes it after the last one. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'imagestreams-builds-'))
  provide('buildFolder', folder)
  return () => rm(folder, { recursive: true, force: true })
}
