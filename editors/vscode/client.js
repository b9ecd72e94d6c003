// The extension of VS Code: starts `tbit lsp` for litmus tests. All else is the server's.
const vscode = require('vscode')
const { LanguageClient } = require('vscode-languageclient/node')

let client

/** Called by VS Code when the first litmus test is opened. */
exports.activate = async () => {
  const settings = vscode.workspace.getConfiguration('tbit')
  const command = settings.get('path', 'tbit')
  client = new LanguageClient(
    'tbit',
    'tbit',
    { command, args: ['lsp', '--stdio'] },
    {
      documentSelector: [{ language: 'litmus' }],
      initializationOptions: {
        check: settings.get('check'),
        seconds: settings.get('seconds'),
        maxStates: settings.get('maxStates')
      }
    }
  )
  try {
    await client.start()
  } catch (e) {
    await vscode.window.showErrorMessage(
      `tbit: '${command} lsp' does not start: ${e.message}. The setting tbit.path names the command.`
    )
  }
}

exports.deactivate = () => client?.stop()
