// Starts `cogc lsp` and hands the editor's requests on to it. Lenses run commands of `cogc` in a terminal.
'use strict'

const { commands, window, workspace } = require('vscode')
const { LanguageClient, TransportKind } = require('vscode-languageclient/node')

let client

function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`
}

function inTerminal(...words) {
  const [program] = workspace.getConfiguration('cog').get('command')
  const terminal = window.terminals.find(t => t.name === 'cogc') ?? window.createTerminal('cogc')
  terminal.show(true)
  terminal.sendText([program, ...words].map(quoted).join(' '))
}

async function start() {
  const settings = workspace.getConfiguration('cog')
  const [command, ...args] = settings.get('command')
  const server = { command, args, transport: TransportKind.stdio }
  const documentSelector = [{ scheme: 'file', language: 'cog' }]
  if (settings.get('yaml')) documentSelector.push({ scheme: 'file', language: 'yaml' })
  client = new LanguageClient('cog', 'cog', server, {
    documentSelector,
    initializationOptions: { lenses: true },
  })
  try {
    await client.start()
  } catch (error) {
    client = undefined
    window.showErrorMessage(`cog: ${command} cannot be started (${error.message}). Install it by \`pip install cogc\`, or set cog.command.`)
  }
}

exports.activate = async context => {
  context.subscriptions.push(
    commands.registerCommand('cogc.terminal', inTerminal),
    commands.registerCommand('cogc.restart', async () => {
      await client?.stop()
      await start()
    }),
  )
  await start()
}

exports.deactivate = () => client?.stop()
