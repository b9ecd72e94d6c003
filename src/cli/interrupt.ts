// ^C during a long run: the first one asks it to end with what it has, the second ends the program.

/** Listens for SIGINT until `done()`; `signal` is aborted by the first. */
export function interruptible(): { readonly signal: AbortSignal; readonly done: () => void } {
  const stop = new AbortController()
  const interrupt = (): void => {
    if (stop.signal.aborted) process.exit(130)
    stop.abort()
  }
  process.on('SIGINT', interrupt)
  return {
    signal: stop.signal,
    done: () => {
      process.off('SIGINT', interrupt)
    }
  }
}
