// What the editor takes of CodeMirror, bundled on its own with short names.
export { Compartment, EditorState, RangeSetBuilder, StateEffect, StateField } from '@codemirror/state'
export { Decoration, drawSelection, EditorView, highlightActiveLine, hoverTooltip, keymap, lineNumbers, ViewPlugin } from '@codemirror/view'
export { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
export { autocompletion, completionKeymap } from '@codemirror/autocomplete'
export { lintGutter, setDiagnostics } from '@codemirror/lint'
