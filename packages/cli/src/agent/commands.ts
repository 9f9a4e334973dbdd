import { type Command, Option } from 'commander'
import type { HomeFlag, PauseFlags } from './control.ts'
import type { ServiceFlags } from './service/install.ts'

/** `millrace agent …`: for the owner of a machine with an agent. Each command loads its code when called. */
export function addAgentCommands(program: Command): void {
  const agent = program.command('agent').description('Looks after the agent of this machine.')
  const homeFlag = ['--home <folder>', "the agent's folder (AGENT_HOME, else ~/.millrace-agent)"] as const

  agent
    .command('status')
    .description('Shows what it does: runs, loaded modules, GPUs, pauses.')
    .option(...homeFlag)
    .option('--json', 'prints it as JSON', false)
    .action(async (flags: HomeFlag & { json: boolean }) => (await load()).showStatus(flags))

  agent
    .command('pause')
    .description('Frees the machine: no new work, memory free within seconds, running tasks go elsewhere.')
    .argument('[length]', 'for how long: 30m, 2h, 1d; else until resume')
    .option(...homeFlag)
    .option('--finish', 'lets running tasks end first', false)
    .option('--note <text>', 'the reason, shown to others')
    .action(async (length: string | undefined, flags: PauseFlags) => (await load()).pauseAgent(length, flags))

  agent
    .command('resume')
    .description('Ends a pause.')
    .option(...homeFlag)
    .action(async (flags: HomeFlag) => (await load()).resumeAgent(flags))

  agent
    .command('drain')
    .description('Claims no new tasks; tasks that are unfinished after DRAIN_SECONDS go elsewhere.')
    .option(...homeFlag)
    .action(async (flags: HomeFlag) => (await load()).drainAgent(flags))

  const service = (name: string, description: string) =>
    agent
      .command(name)
      .description(description)
      .option(...homeFlag)
      .option('--name <name>', "the service's name", 'millrace-agent')
      .option('--system', 'a service of the machine, not of this user (Linux)', false)
      .option('--account <user>', 'the account of a service of the machine (Linux)')
      .option('--node <path>', 'Node, where it is not this one')
      .option('--repository <folder>', 'where this repository is, if not here')
      .addOption(new Option('--for <system>', 'default: this one').choices(['linux', 'windows']))

  service(
    'install-service',
    'Writes the files of a service that starts with the machine, and prints the commands to run.',
  )
    .option('--print', 'shows the files, without the key, and writes nothing', false)
    .action(async (flags: ServiceFlags) => (await loadService()).installService(flags))

  service('uninstall-service', 'Removes these files; the folder of the agent stays.').action(
    async (flags: ServiceFlags) => (await loadService()).uninstallService(flags),
  )
}

const loadService = () => import('./service/install.ts')
const load = () => import('./control.ts')
