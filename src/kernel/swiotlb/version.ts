/** `major.minor` of a kernel as a number that compares: 6.12 -> 6012. */
export type KernelVersion = number
export const kernelVersion = (major: number, minor: number): KernelVersion => major * 1000 + minor
export const formatVersion = (v: KernelVersion): string => `${Math.floor(v / 1000)}.${v % 1000}`

/** `major.minor` as it stands in a record. */
export function parseVersion(base: string): KernelVersion {
  const [major = 0, minor = 0] = base.split('.').map(Number)
  return kernelVersion(major, minor)
}
