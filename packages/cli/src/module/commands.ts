import { type Command, InvalidArgumentError } from 'commander'
import type { CheckFlags } from './check.ts'
import type { NewFlags } from './new.ts'

/** `millrace module …`: for those who write modules. What a command needs is loaded when it is called. */
export function addModuleCommands(program: Command): void {
  const module = program.command('module').description('Starts and checks modules.')

  module
    .command('new')
    .description('Makes a folder with a small module that works.')
    .argument('<name>', 'its name: lower case letters, digits, - and _')
    .option('--dir <folder>', 'the folder that the module goes into', 'modules')
    .option('--vendor', 'copies millrace_module.py into it in place of the package millrace-module', false)
    .action(async (name: string, flags: NewFlags) => {
      const { newModule } = await import('./new.ts')
      await newModule(name, flags)
    })

  module
    .command('check')
    .description('Does with a module all that an agent does, on this machine and without a server.')
    .argument('<folder>', "the module's folder")
    .option(
      '--input <key=value>',
      'input for the run in place of the one in test_data.json; key=@file reads a file (repeatable)',
      addInput,
      [],
    )
    .option('--keep <folder>', "copies the run's outputs to this folder")
    .option('--json', 'prints the whole result as JSON', false)
    .addHelpText('after', checkHelp)
    .action(async (folder: string, flags: CheckFlags) => {
      const { check } = await import('./check.ts')
      process.exitCode = await check(folder, flags)
    })
}

const checkHelp = `
The steps are: manifest, environment, setup (if the module has that mode), test, and one run with the
inputs of test_data.json. Environments are kept from check to check, below MILLRACE_CACHE or in your
cache folder.

Exit codes: 0 the module is good, 1 it is not, 2 it could not be checked, 130 interrupted.

Examples:
  millrace module check modules/thumbnail
  millrace module check modules/thumbnail --input picture=@cat.jpg --input width=320 --keep out`

function addInput(text: string, before: CheckFlags['input']): CheckFlags['input'] {
  const [, key, at, value] = /^([^=]+)=(@?)(.*)$/s.exec(text) ?? []
  if (key === undefined || value === undefined)
    throw new InvalidArgumentError('It must be key=value, or key=@file.')
  return [...before, at === '@' ? { key, file: value } : { key, text: value }]
}
