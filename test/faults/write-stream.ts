/** What a process did to the files of a folder, and when it responded. Paths are relative to the folder. */
export type FileOperation =
  | { readonly kind: 'open'; readonly path: string; readonly file: number; readonly truncates: boolean }
  | { readonly kind: 'write'; readonly file: number; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly file: number; readonly size: number }
  /** `since`: operations before this one are on disk afterwards. */
  | { readonly kind: 'sync'; readonly path: string; readonly file: number | null; readonly since: number }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'unlink'; readonly path: string }
  | { readonly kind: 'mkdir'; readonly path: string }
  | { readonly kind: 'respond'; readonly text: string }

/** System calls that are recorded; the process under record uses no others that change files. */
export const RECORDED_CALLS =
  'openat,write,writev,pwrite64,pwritev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,rmdir,ftruncate,mkdir,mkdirat,close'

const CALL = /^(\d+) +(\w+)\((.*)\) += (-?\d+)/
const UNFINISHED = /^(\d+) +(\w+)\((.*?) *<unfinished \.\.\.>$/
const RESUMED = /^(\d+) +<\.\.\. (\w+) resumed>(.*)$/

const decoded = (text: string): Buffer => Buffer.from(text.replaceAll('\\x', ''), 'hex')
const stringsIn = (text: string): Buffer[] =>
  [...text.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = '']) => decoded(hex))
const pathOfDescriptor = (text: string): string =>
  decoded(/^(?:AT_FDCWD|\d+)<((?:\\x[0-9a-f]{2})*)>/.exec(text)?.[1] ?? '').toString()

/** A system call, with the number of operations that had ended when it began. */
interface Call {
  readonly name: string
  readonly args: string
  readonly result: number
  readonly since: number
}

/**
 * Parses the output of `strace -f -y -xx` about a process into its operations on the files of a folder. Operations are in the order in
 * which they ended.
 */
export function parseWriteStream(trace: string, folder: string): FileOperation[] {
  const operations: FileOperation[] = []
  const begun = new Map<string, { name: string; args: string; since: number }>()
  const reader = new StreamReader(folder, operations)
  for (const line of trace.split('\n')) {
    const unfinished = UNFINISHED.exec(line)
    if (unfinished) {
      const [, pid = '', name = '', args = ''] = unfinished
      begun.set(pid, { name, args, since: operations.length })
      continue
    }
    const resumed = RESUMED.exec(line)
    const known = resumed && begun.get(resumed[1] ?? '')
    const whole = known ? `${resumed[1]} ${known.name}(${known.args}${resumed[3]}` : line
    const [, , name = '', args = '', result = '-1'] = CALL.exec(whole) ?? []
    if (name) reader.read({ name, args, result: Number(result), since: known?.since ?? operations.length })
  }
  return operations
}

class StreamReader {
  readonly #folder: string
  readonly #operations: FileOperation[]
  /** Files by their open descriptors, with the position of writes without an offset. */
  readonly #open = new Map<number, { file: number; position: number }>()
  /** Numbers of files by their paths now. */
  readonly #files = new Map<string, number>()
  readonly #sizes = new Map<number, number>()

  constructor(folder: string, operations: FileOperation[]) {
    this.#folder = folder
    this.#operations = operations
  }

  read({ name, args, result, since }: Call): void {
    if (result < 0) return
    const [first, second] = stringsIn(args)
    const descriptor = Number.parseInt(args, 10)
    if (name === 'openat') this.#openFile(result, String(first), args)
    else if (name === 'close') this.#open.delete(descriptor)
    else if (name.endsWith('sync')) this.#sync(pathOfDescriptor(args), since)
    else if (name.startsWith('rename')) this.#rename(String(first), String(second))
    else if (name.startsWith('unlink') || name === 'rmdir') this.#unlink(String(first))
    else if (name.startsWith('mkdir')) this.#add(String(first), (path) => ({ kind: 'mkdir', path }))
    else if (name === 'ftruncate') this.#truncate(descriptor, Number(args.split(', ').at(-1)))
    else this.#write(args, { descriptor, length: result, bytes: Buffer.concat(stringsIn(args)) })
  }

  #add(path: string, operation: (path: string) => FileOperation): void {
    if (path.startsWith(`${this.#folder}/`))
      this.#operations.push(operation(path.slice(this.#folder.length + 1)))
  }

  #openFile(descriptor: number, path: string, args: string): void {
    if (!path.startsWith(`${this.#folder}/`) || args.includes('O_DIRECTORY')) return
    const truncates = args.includes('O_TRUNC')
    if (args.includes('O_CREAT') || truncates) {
      const isNew = !this.#files.has(path)
      const file = this.#files.get(path) ?? this.#sizes.size
      this.#files.set(path, file)
      if (isNew || truncates) this.#sizes.set(file, 0)
      this.#add(path, (own) => ({ kind: 'open', path: own, file, truncates: isNew || truncates }))
    }
    const file = this.#files.get(path)
    if (file === undefined) return
    this.#open.set(descriptor, {
      file,
      position: args.includes('O_APPEND') ? (this.#sizes.get(file) ?? 0) : 0,
    })
  }

  #write(
    args: string,
    { descriptor, length, bytes }: { descriptor: number; length: number; bytes: Buffer },
  ): void {
    const open = this.#open.get(descriptor)
    if (!open || !pathOfDescriptor(args).startsWith(this.#folder)) {
      const text = bytes.toString('latin1')
      if (text.startsWith('HTTP/1.1 ')) this.#operations.push({ kind: 'respond', text })
      return
    }
    const given = /, (\d+)$/.exec(args.replace(/"[^"]*"/g, '""'))?.[1]
    const isPositioned = args.replace(/"[^"]*"/g, '').split(',').length === 4
    const offset = isPositioned && given !== undefined ? Number(given) : open.position
    if (!isPositioned) open.position += length
    this.#sizes.set(open.file, Math.max(this.#sizes.get(open.file) ?? 0, offset + length))
    this.#operations.push({ kind: 'write', file: open.file, offset, bytes: bytes.subarray(0, length) })
  }

  #truncate(descriptor: number, size: number): void {
    const open = this.#open.get(descriptor)
    if (!open) return
    this.#sizes.set(open.file, size)
    this.#operations.push({ kind: 'truncate', file: open.file, size })
  }

  #sync(path: string, since: number): void {
    if (path === this.#folder) this.#operations.push({ kind: 'sync', path: '', file: null, since })
    this.#add(path, (own) => ({ kind: 'sync', path: own, file: this.#files.get(path) ?? null, since }))
  }

  #rename(from: string, to: string): void {
    const file = this.#files.get(from)
    this.#files.delete(from)
    if (file !== undefined) this.#files.set(to, file)
    this.#add(from, (own) => ({ kind: 'rename', from: own, to: to.slice(this.#folder.length + 1) }))
  }

  #unlink(path: string): void {
    this.#files.delete(path)
    this.#add(path, (own) => ({ kind: 'unlink', path: own }))
  }
}
