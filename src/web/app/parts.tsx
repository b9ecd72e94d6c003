// What several of the app's pages are made of.
import type { Signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'

/**
 * A table that scrolls on its own where the screen is narrower: it must be reached by keyboard to be scrolled by it.
 */
export function Wide({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard (WCAG 2.1.1)
    <section class="wide" tabIndex={0} aria-label={label}>
      {children}
    </section>
  )
}

/** What a page has to say, until its reader closes it; for a place that is an alert. */
export function Notice({ of }: { readonly of: Signal<string | null> }) {
  return of.value === null ? null : (
    <p class="notice">
      {of.value}{' '}
      <button
        type="button"
        onClick={() => {
          of.value = null
        }}>
        Close
      </button>
    </p>
  )
}
