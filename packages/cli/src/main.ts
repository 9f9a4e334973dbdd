#!/usr/bin/env node
import { setGlobalProxyFromEnv } from 'node:http'
import { enableCompileCache } from 'node:module'
import { proxyEnv } from '@millrace/agent/proxy'
import { CommanderError, program } from 'commander'
import { addAgentCommands } from './agent/commands.ts'
import { exitCodes, UsageFault } from './exit-codes.ts'
import { addModuleCommands } from './module/commands.ts'

// Caches compiled code across calls.
enableCompileCache()
// Uses HTTPS_PROXY and similar variables, but never for loopback addresses.
setGlobalProxyFromEnv({ ...proxyEnv(process.env) })

program
  .name('millrace')
  .description('Works with Millrace from a terminal.')
  .version('0.1.0')
  .showSuggestionAfterError()
  .showHelpAfterError('(see --help)')
  .exitOverride()
addModuleCommands(program)
addAgentCommands(program)

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeOf(error)
}

function exitCodeOf(error: unknown): number {
  // Commander has printed the error.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.good : exitCodes.usage
  console.error(error instanceof UsageFault ? `error: ${error.message.replaceAll('\n', '\n       ')}` : error)
  return exitCodes.usage
}
