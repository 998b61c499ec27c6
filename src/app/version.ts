import { readFileSync } from 'node:fs'

/** Returns the version of this program, which only package.json contains. */
export function readVersion(): string {
  const path = new URL('../../package.json', import.meta.url)
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }
  return version
}
