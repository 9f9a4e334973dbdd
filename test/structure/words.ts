/** Words that the prose rules rule out, each with what to write instead. */
const banned: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\banew\b/i, 'again'],
  [/\bfor ever\b/i, 'forever, or no limit'],
  [/\bbesides?\b/i, 'next to, also, except'],
  [/\bmend(?:s|ed|ing)?\b/i, 'fix, correct'],
  [/\bwho(?:ever|soever)\b/i, 'name the actor'],
  [/\bheld against\b/i, 'compared with, verified against'],
  [/\b(?:go|goes|went) by\b(?! (?:it|them)sel)/i, 'uses, follows, decides by'],
  [/\bthere (?:is|are|was|were)\b/i, 'start with the actor'],
  [/\b(?:is|are|was|were) (?:not |still |already )?there\b/i, 'exists, is available, has arrived'],
  [/\b(?:tells?|told|telling)\b/i, 'send, report, say'],
  [/\b(?:no|some)body\b/i, 'name the actor'],
  [/\bso (?:many|long|much)\b/i, 'a number, "while", "that many"'],
  [/\bof (?:its|their|his|her) own\b/i, 'separate'],
  [/\btr(?:y|ies|ied|ying) on\b/i, 'retry'],
]

export type Hit = { line: number; word: string; instead: string }

/** Every banned word in a text, in the order of its lines. */
export function bannedWords(text: string): Hit[] {
  return text
    .split('\n')
    .flatMap((content, at) =>
      banned.flatMap(([pattern, instead]) =>
        [...content.matchAll(new RegExp(pattern, 'gi'))].map(([word]) => ({ line: at + 1, word, instead })),
      ),
    )
}

/** The prose of a Markdown document: without code, text of programs, addresses of links, and titles of tests. */
export function proseOfMarkdown(document: string): string {
  return document
    .replace(/^(```|~~~)[\s\S]*?^\1/gm, blank)
    .replace(/``.+?``|`[^`]+`/g, blank)
    .replace(/\]\([^)\s]*\)/g, ']')
    .replace(/ › .*/g, '')
}

/** The prose of a source file: its comments and its string literals, each on the line where it stands. */
export function proseOfSource(source: string): string {
  return only(
    source,
    /\/\/.*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[\s\S])*`/g,
  )
}

/** The same of a program in Python. */
export function proseOfPython(source: string): string {
  return only(source, /#.*|"""[\s\S]*?"""|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"/g)
}

/** What the pattern matches, each match on the line where it stands. */
function only(source: string, literalOrComment: RegExp): string {
  let prose = ''
  let end = 0
  for (const match of source.matchAll(literalOrComment)) {
    prose += `${blank(source.slice(end, match.index))} ${match[0]}`
    end = match.index + match[0].length
  }
  return prose
}

/** Keeps the lines, so that a hit names the right one. */
const blank = (text: string): string => text.replace(/[^\n]+/g, ' ')
