// A view's state in the address, as several pages write and read it (base/share.ts has the format). All of it is words;
// what is as at first is left out.
import type { ShareState } from '../../base/share.ts'
import { messageOf } from '../../base/diagnostic.ts'

/** Where a page says what is wrong. */
interface Notice {
  value: string | null
}

/** How a link is made and read: fetched when there is one to make or to read. */
const links = (): Promise<typeof import('../../base/share.ts')> => import('../../base/share.ts')

/** A state as the fragment of an address. */
export const linkOf = async (s: ShareState): Promise<string> => (await links()).encodeShare(s)

export function writeLink(s: ShareState): void {
  linkOf(s)
    .then((l) => history.replaceState(null, '', `#${l}`))
    .catch(() => {})
}

/** What the address holds; null: nothing, or what cannot be opened, which is then said. */
export async function readLink(notice: Notice): Promise<ShareState | null> {
  if (location.hash.length < 2) return null
  try {
    const r = await (await links()).decodeShare(location.hash)
    if (r.ok) return r.value
    notice.value = r.error.message
  } catch (e) {
    notice.value = `The link could not be read: a part of the page did not load (${messageOf(e)}).`
  }
  return null
}

/** The values that are not as at first. */
export const changedFrom = <T extends object>(first: T, now: T): Record<string, string> =>
  Object.fromEntries(Object.entries(now).filter(([k, v]) => v !== first[k as keyof T]))

/**
 * The state that the address holds, of values from `choices` and of any values of the other names; what is neither is
 * said. null: as readLink().
 */
export async function readState<T extends Readonly<Record<string, string>>>(
  first: T,
  choices: Readonly<Record<string, readonly string[]>>,
  notice: Notice
): Promise<T | null> {
  const link = await readLink(notice)
  if (link === null) return null
  const next: Record<string, string> = { ...first }
  for (const [name, value] of Object.entries(link.values)) {
    if (Object.hasOwn(choices, name) ? choices[name]?.includes(value) : Object.hasOwn(first, name)) next[name] = value
    else notice.value = `This link says '${name}=${value}', which this page does not know: the rest of it is shown.`
  }
  return next as T
}

/** Whether a text is short enough to stand in a link. */
export const fits = async (text: string): Promise<boolean> =>
  new TextEncoder().encode(text).length <= (await links()).LONGEST_SHARED
