// What we use of the packages that speak the Language Server Protocol: one door, so that the npm package can have them
// as one file.
export {
  createConnection,
  StreamMessageReader,
  StreamMessageWriter,
  TextDocuments,
  TextDocumentSyncKind
} from 'vscode-languageserver/node'
export type { CodeLens, Connection, InitializeParams, InitializeResult } from 'vscode-languageserver/node'
export { TextDocument } from 'vscode-languageserver-textdocument'
