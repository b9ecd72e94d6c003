// What the help of the editor takes of CodeMirror, behind the editor itself.
export { autocompletion } from '@codemirror/autocomplete'
export { lintGutter, setDiagnostics } from '@codemirror/lint'
