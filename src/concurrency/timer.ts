/** Calls back after so many milliseconds. Returns what ends that. */
export type SetTimer = (callback: () => void, milliseconds: number) => () => void

/** The system's own; it keeps no process alive. */
export const systemTimer: SetTimer = (callback, milliseconds) => {
  const timer = setTimeout(callback, milliseconds).unref()
  return () => clearTimeout(timer)
}
