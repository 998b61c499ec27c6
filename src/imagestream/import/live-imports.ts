import type { ImportRows } from '../request/import-rows.ts'
import type { Import } from '../request/import-state.ts'
import type { DryRunOutcomes } from './dry-run-outcomes.ts'
import type { ImportRun } from './import-run.ts'
import type { StoredOutcomes } from './stored-outcomes.ts'

/** An import that is in memory: a stored one while it runs, or a dry run. */
export interface LiveImport {
  readonly run: ImportRun
  readonly outcomes: StoredOutcomes | DryRunOutcomes
  /** Aborts a stored import whose stream is deleted. */
  readonly abort?: AbortController
}

/** The imports that are in memory, and the listeners to their progress. */
export class LiveImports {
  readonly #rows: Pick<ImportRows, 'byIds'>
  readonly #imports = new Map<number, LiveImport>()
  readonly #listeners = new Map<number, Set<() => void>>()

  constructor(rows: Pick<ImportRows, 'byIds'>) {
    this.#rows = rows
  }

  get(id: number): LiveImport | undefined {
    return this.#imports.get(id)
  }

  add(id: number, live: LiveImport): void {
    this.#imports.set(id, live)
  }

  delete(id: number): void {
    this.#imports.delete(id)
    this.changed(id)
  }

  /** Deletes the oldest finished dry runs, except so many. */
  keepDryRuns(count: number): void {
    const finished = [...this.#imports.keys()].filter((id) => id < 0 && this.isFinished(id))
    for (const id of finished.slice(0, Math.max(0, finished.length - count))) this.#imports.delete(id)
  }

  /** Returns the state of an import, in memory or stored; undefined for an unknown id. */
  current(id: number): Import | undefined {
    return this.#imports.get(id)?.run.snapshot() ?? this.#rows.byIds([id]).get(id)
  }

  /** Reports true for an unknown id too. */
  isFinished(id: number): boolean {
    return (this.#imports.get(id)?.run ?? this.#rows.byIds([id]).get(id))?.finishedAt !== null
  }

  /** Calls the listeners of an import. */
  changed(id: number): void {
    for (const listener of this.#listeners.get(id) ?? []) listener()
  }

  /** Calls back at each change of an import, until the returned function is called. */
  onChanged(id: number, listener: () => void): () => void {
    const listeners = this.#listeners.get(id) ?? new Set()
    this.#listeners.set(id, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#listeners.delete(id)
    }
  }
}
