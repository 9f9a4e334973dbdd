import { describe, expect, test } from 'vitest'
import { DataStatus, dataMoves, dataTypeOf, dataTypeOfValue, isAwaited } from './data.ts'
import { problems } from './errors.ts'
import { DataId, parseRunId, RunId, runIdOf, TaskId } from './ids.ts'
import { isTerminal } from './is-terminal.ts'
import { Json, jsonBytes } from './json.ts'
import { ModuleStatus, moduleMoves, moduleStatusOrder } from './module.ts'
import { RunStatus, runMoves } from './run.ts'
import { commandSubject, logSubject, taskEvent, workSubject } from './subjects.ts'
import { statusGroups, TaskStatus, taskMoves } from './task.ts'

const ulid = '01ARZ3NDEKTSV4RRFFQ69G5FAV'
const task = `tsk_${ulid}` as const

describe('states', () => {
  const tables: [string, readonly string[], Record<string, readonly string[]>][] = [
    ['data', DataStatus.options, dataMoves],
    ['task', TaskStatus.options, taskMoves],
    ['run', RunStatus.options, runMoves],
    ['module', ModuleStatus.options, moduleMoves],
  ]
  for (const [kind, states, moves] of tables) {
    test(`of a ${kind}: every state has transitions to other known states, and every state is reachable`, () => {
      expect(Object.keys(moves).sort()).toEqual([...states].sort())
      const reached = new Set([...Object.values(moves).flat(), states[0] ?? ''])
      for (const [from, targets] of Object.entries(moves)) {
        expect(targets).not.toContain(from)
        for (const to of targets) expect(states).toContain(to)
      }
      if (kind === 'data') reached.add('uploading')
      expect([...reached].sort()).toEqual([...states].sort())
    })
  }

  test('of a task: each is in one group, and the terminal ones are completed', () => {
    expect(Object.values(statusGroups).flat().sort()).toEqual([...TaskStatus.options].sort())
    for (const status of TaskStatus.options)
      expect(isTerminal(status)).toBe(statusGroups.completed.some((one) => one === status))
  })

  test('of a data item: those that can still become available are awaited', () => {
    expect(DataStatus.options.filter(isAwaited)).toEqual(['pending', 'uploading', 'deleting'])
    for (const status of DataStatus.options.filter(isAwaited))
      expect(dataMoves[status]).toContain('available')
  })

  test('of a module: ordered from best to worst', () => {
    expect([...moduleStatusOrder].sort()).toEqual([...ModuleStatus.options].sort())
    expect(moduleStatusOrder[0]).toBe('AVAILABLE')
  })
})

describe('ids', () => {
  test('are a prefix and a ULID', () => {
    expect(TaskId.safeParse(task).success).toBe(true)
    for (const wrong of [
      ulid,
      `tsk_${ulid}x`,
      `tsk_${ulid.toLowerCase()}`,
      `TSK_${ulid}`,
      ` ${task}`,
      `${task}\n`,
      5,
    ])
      expect(TaskId.safeParse(wrong).success, JSON.stringify(wrong)).toBe(false)
    expect(DataId.safeParse(task).success).toBe(false)
    expect(TaskId.safeParse(`tsk_${ulid.replace('A', 'I')}`).success).toBe(false)
  })

  test('of a run consist of its task and attempt, and parse back', () => {
    for (const attempt of [1, 9, 10, 12345]) {
      expect(RunId.safeParse(runIdOf(task, attempt)).success).toBe(true)
      expect(parseRunId(runIdOf(task, attempt))).toEqual({ task, attempt })
    }
    for (const wrong of [task, `${task}.`, `${task}.x`, `${task}.-1`, `${task}.1.`, `dat_${ulid}.1`])
      expect(RunId.safeParse(wrong).success, wrong).toBe(false)
  })
})

describe('subjects', () => {
  test('name the module, or the agent and the run', () => {
    const agent = `agt_${ulid}` as const
    expect(workSubject('echo')).toBe('work.echo')
    expect(logSubject(agent, `${task}.12`)).toBe(`log.${agent}.${task}.12`)
    expect(commandSubject(agent)).toBe(`agent.${agent}.command`)
    expect(taskEvent(task)).toBe(`event.task.${task}`)
  })
})

describe('values', () => {
  test('are any JSON with any keys, and nothing else', () => {
    const odd: unknown = JSON.parse('{"__proto__":{"$a":[null,1,"",true]},"a.b":1}')
    expect(Json.parse(odd)).toBe(odd)
    for (const wrong of [
      undefined,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      [undefined],
      { a: () => 1 },
      1n,
      Symbol('s'),
    ])
      expect(Json.safeParse(wrong).success, String(wrong)).toBe(false)
    expect(jsonBytes('ü')).toBe(4)
  })

  test('have a data type, like content types', () => {
    const rows: [Json, string][] = [
      ['', 'text'],
      [0, 'number'],
      [false, 'boolean'],
      [null, 'json'],
      [[], 'json'],
      [{}, 'json'],
    ]
    for (const [value, type] of rows) expect(dataTypeOfValue(value)).toBe(type)
    const types = [
      'image/png',
      'VIDEO/mp4',
      'audio/x; q=1',
      'text/csv',
      'application/json',
      'application/ld+json',
      'application/pdf',
      '',
    ]
    expect(types.map(dataTypeOf)).toEqual(['image', 'video', 'audio', 'text', 'json', 'json', 'file', 'file'])
  })
})

test('every problem has an error status and a title', () => {
  for (const [code, [status, title]] of Object.entries(problems)) {
    expect(status >= 400 && status < 600, code).toBe(true)
    expect(title.length).toBeGreaterThan(5)
  }
})
