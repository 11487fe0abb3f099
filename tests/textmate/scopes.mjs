// Prints the tokens that a TextMate grammar finds in files: `node scopes.mjs GRAMMAR FILE...`, one JSON list for each file,
// of [line, start, end, scopes] with lines from 0 and characters in UTF-16 units.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { loadWASM, OnigScanner, OnigString } = require('vscode-oniguruma')
const { INITIAL, Registry, parseRawGrammar } = require('vscode-textmate')

const [path, ...files] = process.argv.slice(2)
await loadWASM(readFileSync(require.resolve('vscode-oniguruma/release/onig.wasm')).buffer)
const registry = new Registry({
  onigLib: Promise.resolve({
    createOnigScanner: patterns => new OnigScanner(patterns),
    createOnigString: text => new OnigString(text),
  }),
  loadGrammar: async () => parseRawGrammar(readFileSync(path, 'utf8'), 'cog.json'),
})
const grammar = await registry.loadGrammar('source.cog')
for (const file of files) {
  const found = []
  let state = INITIAL
  readFileSync(file, 'utf8').split('\n').forEach((line, number) => {
    const result = grammar.tokenizeLine(line, state)
    state = result.ruleStack
    for (const t of result.tokens) found.push([number, t.startIndex, Math.min(t.endIndex, line.length), t.scopes])
  })
  console.log(JSON.stringify(found))
}
