#!/usr/bin/env node
import { setGlobalProxyFromEnv } from 'node:http'
import { enableCompileCache } from 'node:module'
import { proxyEnv } from '@millrace/agent/proxy'
import { CommanderError, program } from 'commander'
import { addAgentCommands } from './agent/commands.ts'
import { exitCodes, UsageFault } from './exit-codes.ts'
import { addModuleCommands } from './module/commands.ts'

// What a command loads is compiled once, not at every call.
enableCompileCache()
// As HTTPS_PROXY and its like say; never between programs of this machine.
setGlobalProxyFromEnv({ ...proxyEnv(process.env) })

program
  .name('millrace')
  .description('Works with Millrace from a terminal.')
  .version('0.1.0')
  .showSuggestionAfterError()
  .showHelpAfterError('(--help tells what there is)')
  .exitOverride()
addModuleCommands(program)
addAgentCommands(program)

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeOf(error)
}

function exitCodeOf(error: unknown): number {
  // Commander has said what is wrong.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.good : exitCodes.usage
  console.error(error instanceof UsageFault ? `error: ${error.message.replaceAll('\n', '\n       ')}` : error)
  return exitCodes.usage
}
