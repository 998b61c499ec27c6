/**
 * Returns a function that starts the work in the background; calls while it runs start it once more afterwards. `onError`
 * receives what it rejects with.
 */
export function repeatable(work: () => Promise<void>, onError: (error: unknown) => void): () => void {
  let isWanted = false
  let isRunning = false
  const run = async (): Promise<void> => {
    while (isWanted) {
      isWanted = false
      await work().catch(onError)
    }
    isRunning = false
  }
  return () => {
    isWanted = true
    if (isRunning) return
    isRunning = true
    void run()
  }
}
