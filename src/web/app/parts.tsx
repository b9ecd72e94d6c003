// What several of the app's pages are made of.
import type { ComponentChildren } from 'preact'

/** A table that scrolls on its own where the screen is narrower: it must be reached by keyboard to be scrolled by it. */
export function Wide({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard (WCAG 2.1.1)
  return <section class="wide" tabIndex={0} aria-label={label}>{children}</section>
}
