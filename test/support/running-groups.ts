import { readdir, readFile } from 'node:fs/promises'

type Entry = { pid: number; parent: number; group: number }

/** Which process groups an agent's runs had, seen by looking on from outside. */
export class RunningGroups {
  readonly #agent: number
  readonly #seen = new Set<number>()
  readonly #timer: NodeJS.Timeout
  #looking = Promise.resolve()

  constructor(agent: number) {
    this.#agent = agent
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look())
    }, 250)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Living processes that name the task, in environment or arguments. */
  async livingOf(task: string): Promise<number[]> {
    const named = await Promise.all(
      (await table()).map(async ({ pid }) => ((await names(pid, task)) ? [pid] : [])),
    )
    return named.flat()
  }

  /** Processes of groups that have lost their leader: of runs that are over. */
  async left(): Promise<number[]> {
    await this.#looking
    await this.#look()
    const now = await table()
    return now
      .filter(({ group }) => this.#seen.has(group) && !now.some(({ pid }) => pid === group))
      .map(({ pid }) => pid)
  }

  async #look(): Promise<void> {
    for (const { pid, parent, group } of await table())
      if (parent === this.#agent && group === pid) this.#seen.add(pid)
  }
}

async function names(pid: number, text: string): Promise<boolean> {
  const read = async (what: string) =>
    (await readFile(`/proc/${pid}/${what}`, 'latin1').catch(() => '')).includes(text)
  return (await read('environ')) || (await read('cmdline'))
}

/** All processes but zombies. */
async function table(): Promise<Entry[]> {
  const pids = (await readdir('/proc')).map(Number).filter(Boolean)
  const entries = await Promise.all(pids.map(entryOf))
  return entries.filter((entry) => entry !== null)
}

async function entryOf(pid: number): Promise<Entry | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
  const [state, parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (stat === '' || state === 'Z') return null
  return { pid, parent: Number(parent), group: Number(group) }
}
