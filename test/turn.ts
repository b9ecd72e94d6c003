/**
 * One turn of the event loop: a test that computes for long answers vitest between its parts, which takes a worker
 * silent for 60 s for dead.
 */
export const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve)
  })
