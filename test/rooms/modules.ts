import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SRC = fileURLToPath(new URL('../../src', import.meta.url))

/** A source file of the project. */
export interface Module {
  /** Path below `src`. */
  readonly path: string
  readonly text: string
}

export const readModules = (): Module[] =>
  readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => ({ path, text: readFileSync(join(SRC, path), 'utf8') }))

export const roomOf = (path: string): string => path.split('/', 1)[0] ?? ''

/** Specifiers that a module imports or re-exports, statically or dynamically. */
export const importsOf = (text: string): string[] =>
  [...text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)(['"])([^'"\n]+)\1/g)].map(
    ([, , specifier]) => specifier ?? '',
  )

/** Paths below `src` of the modules of this project that a module imports. */
export const ownImportsOf = ({ path, text }: Module): string[] =>
  importsOf(text)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => join(path, '..', specifier))
