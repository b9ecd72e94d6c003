// What helps who writes a test, fetched behind the text itself: completion, meanings, the marks of messages, layout.
import { autocompletion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete'
import { lintGutter, setDiagnostics } from '@codemirror/lint'
import type { Extension } from '@codemirror/state'
import { hoverTooltip } from '@codemirror/view'
import { hover } from '../../litmus/assist.ts'
import { complete } from '../../litmus/complete.ts'
import { format } from '../../litmus/format.ts'

export { format, setDiagnostics }

function words(c: CompletionContext): CompletionResult | null {
  const { from, words: list } = complete(c.state.doc.toString(), c.pos)
  if (list.length === 0 || (!c.explicit && from === c.pos)) return null
  return {
    from,
    options: list.map((w, i) => ({ label: w.word, detail: w.does, boost: -i / 1000 })),
    validFor: /^[\w-]*$/
  }
}

const meanings = hoverTooltip((view, pos) => {
  const h = hover(view.state.doc.toString(), pos)
  if (h === null) return null
  return {
    pos: h.from,
    end: h.to,
    create: () => {
      const dom = document.createElement('div')
      dom.className = 'meaning'
      dom.textContent = `${h.word}: ${h.does}`
      return { dom }
    }
  }
})

/** Its keys go before those of the editor, wherever it is put. */
export const assist: Extension = [lintGutter(), autocompletion({ override: [words], icons: false }), meanings]
