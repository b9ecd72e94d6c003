// The editor of a litmus test: CodeMirror with our tokens, words, meanings and fixes.
import { history } from '@codemirror/commands'
import { EditorState, RangeSetBuilder, StateEffect, StateField } from '@codemirror/state'
import {
  Decoration,
  type DecorationSet,
  EditorView,
  keymap,
  lineNumbers,
  ViewPlugin,
  type ViewUpdate
} from '@codemirror/view'
import { tokensOf } from '../../litmus/tokens.ts'
import { keys } from './keys.ts'
import type { Mend, Message } from './protocol.ts'

export interface Editor {
  readonly view: EditorView
  text(): string
  /** Replaces the whole text; one step of undo. */
  set(text: string): void
  messages(list: readonly Message[]): void
  /** Puts a fix into the text. */
  mend(m: Mend): void
  /** Marks the line of the step that is shown; 0: none. */
  mark(line: number): void
  focus(): void
}

const marks = new Map<string, Decoration>()
const markOf = (kind: string): Decoration =>
  marks.get(kind) ?? (marks.set(kind, Decoration.mark({ class: `tk-${kind}` })).get(kind) as Decoration)

/** Each piece in the colour of its kind. The text is short: all of it, at each change. */
const colours = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet
    constructor(view: EditorView) {
      this.decorations = coloured(view)
    }
    update(u: ViewUpdate): void {
      if (u.docChanged) this.decorations = coloured(u.view)
    }
  },
  { decorations: (v) => v.decorations }
)

function coloured(view: EditorView): DecorationSet {
  const b = new RangeSetBuilder<Decoration>()
  for (const t of tokensOf(view.state.doc.toString())) if (t.to > t.from) b.add(t.from, t.to, markOf(t.kind))
  return b.finish()
}

const setLine = StateEffect.define<number>()
/** The line of the step that the player shows. */
const stepLine = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(value, tr) {
    let out = value.map(tr.changes)
    for (const e of tr.effects)
      if (e.is(setLine))
        out =
          e.value < 1 || e.value > tr.state.doc.lines
            ? Decoration.none
            : Decoration.set([Decoration.line({ class: 'step-line' }).range(tr.state.doc.line(e.value).from)])
    return out
  },
  provide: (f) => EditorView.decorations.from(f)
})

export interface EditorEvents {
  changed(text: string): void
  /** The reader's cursor came to a line. */
  at(line: number): void
  all(): void
  share(): void
}

/** The keys of the editor beside those that every editor has. */
const ownKeys = (on: EditorEvents, mendNext: () => boolean) =>
  keymap.of([
    {
      key: 'Mod-Enter',
      run: () => {
        on.all()
        return true
      }
    },
    {
      key: 'Mod-s',
      run: () => {
        on.share()
        return true
      },
      preventDefault: true
    },
    { key: 'Alt-Enter', run: mendNext },
    ...keys
  ])

const viewOf = (parent: HTMLElement, text: string, on: EditorEvents, mendNext: () => boolean): EditorView =>
  new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        history(),
        colours,
        stepLine,
        EditorView.lineWrapping,
        EditorState.tabSize.of(2),
        EditorState.languageData.of(() => [{ commentTokens: { line: '#' } }]),
        EditorView.contentAttributes.of({ 'aria-label': 'litmus test', spellcheck: 'false' }),
        ownKeys(on, mendNext),
        EditorView.updateListener.of((u) => {
          if (u.docChanged) on.changed(u.state.doc.toString())
          if (u.selectionSet && u.transactions.some((t) => t.isUserEvent('select')))
            on.at(u.state.doc.lineAt(u.state.selection.main.head).number)
        })
      ]
    })
  })

/** The fix of the message at the cursor, else the first there is. */
function nextMend(view: EditorView, shown: readonly Message[]): Mend | undefined {
  const { head } = view.state.selection.main
  const line = view.state.doc.lineAt(head)
  const all = shown.filter((m) => m.mends.length > 0)
  return (
    all.find((x) => x.from <= head && head <= x.to) ??
    all.find((x) => line.from <= x.from && x.from <= line.to) ??
    all[0]
  )?.mends[0]
}

export function editor(parent: HTMLElement, text: string, on: EditorEvents): Editor {
  let shown: readonly Message[] = []
  const mend = (m: Mend): void => {
    view.dispatch({
      changes: { from: m.from, to: m.to, insert: m.text },
      selection: { anchor: m.from + m.text.length },
      userEvent: 'input.fix'
    })
  }
  const view: EditorView = viewOf(parent, text, on, () => {
    const m = nextMend(view, shown)
    if (m !== undefined) mend(m)
    return m !== undefined
  })
  let help: typeof import('./assist.ts') | null = null
  const say = (): void => {
    const end = view.state.doc.length
    if (help === null) return
    view.dispatch(
      help.setDiagnostics(
        view.state,
        shown
          .filter((m) => m.from <= end)
          .map((m) => ({
            from: m.from,
            to: Math.min(m.to, end),
            severity: m.severity,
            message: m.text,
            actions: m.mends.slice(0, 3).map((x) => ({ name: x.title, apply: () => mend(x) }))
          }))
      )
    )
  }
  import('./assist.ts').then(
    (a) => {
      help = a
      view.dispatch({ effects: StateEffect.appendConfig.of(a.assist) })
      say()
    },
    // Without it a test can be written and checked all the same; the messages stand below the text.
    () => {}
  )
  return {
    view,
    mend,
    text: () => view.state.doc.toString(),
    set: (t) => {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: t }, selection: { anchor: 0 } })
    },
    messages: (list) => {
      if (list.length === 0 && shown.length === 0) return
      shown = list
      say()
    },
    mark: (line) => {
      view.dispatch({ effects: setLine.of(line) })
    },
    focus: () => {
      view.focus()
    }
  }
}
