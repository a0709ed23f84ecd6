// How much a query asks for, 0–1, from its wording alone: the ladder of a search service lets simple queries go without what
// complex ones need. It counts signs that most languages share and knows a few words; it does not understand.

export interface QueryAnalysis {
  /** 0–1. */
  readonly complexity: number
  /** True where the query speaks of time: a year, "latest", "yesterday". Its answer may not be the one of last week. */
  readonly temporal: boolean
}

/** Characters that are looked at; a longer query counts as long whatever else it says. */
const READ_AT_MOST = 4000
/** Enough of each to count in full. */
const FULL = { words: 60, questions: 3, clauses: 6, entities: 5 }
const WEIGHTS = { length: 0.3, questions: 0.15, clauses: 0.2, comparison: 0.15, time: 0.05, entities: 0.15 }

/**
 * 0.30 · words / 60 + 0.15 · (questions − 1) / 2 + 0.20 · (clauses − 1) / 5 + 0.15 if it compares + 0.05 if it speaks of time
 * + 0.15 · (names − 1) / 4, each part 0–1. The weights are a choice, not a measurement.
 */
export function queryComplexity(text: string): number {
  return analyseQuery(text).complexity
}

export function analyseQuery(text: string): QueryAnalysis {
  if (typeof text !== 'string') return { complexity: 0, temporal: false }
  const read = evenlySpaced(text.slice(0, READ_AT_MOST).normalize('NFC'))
  const lower = read.toLowerCase()
  const temporal = TEMPORAL.test(lower) || TEMPORAL_UNSPACED.test(lower)
  const compares = COMPARATIVE.test(lower) || COMPARATIVE_UNSPACED.test(lower)
  const complexity =
    WEIGHTS.length * (text.length > READ_AT_MOST ? 1 : share(wordsIn(read), 0, FULL.words)) +
    WEIGHTS.questions * share(count(read, QUESTION), 1, FULL.questions) +
    WEIGHTS.clauses * share(clausesIn(read), 1, FULL.clauses) +
    WEIGHTS.comparison * (compares ? 1 : 0) +
    WEIGHTS.time * (temporal ? 1 : 0) +
    WEIGHTS.entities * share(namesIn(read), 1, FULL.entities)
  return { complexity: Math.min(1, complexity), temporal }
}

const WORD = /[\p{L}\p{N}]+/gu
/** Scripts that are written without spaces; about two of their characters make a word. */
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/gu
const QUESTION = /[?？؟\u037e⁇⸮]+/gu
/** What ends a clause; within a number, a time or an address none of these is followed by a space. */
const CLAUSE_END = /[,;:.!?،؛؟](?=\s|$)|[，、；：。！？।\n]/gu
const QUOTED = /"[^"\n]{2,80}"|“[^”\n]{2,80}”|«[^»\n]{2,80}»|「[^」\n]{1,80}」|„[^“\n]{2,80}“/gu
/** A capital that does not begin the text or a sentence, with the capitals that follow it: one name. */
const NAME = /(?<=[^\s.!?:] )\p{Lu}[\p{L}\p{N}'’-]*(?: \p{Lu}[\p{L}\p{N}'’-]*){0,4}/gu

/** In English, German, French, Spanish, Portuguese, Italian and Dutch: as whole words. */
const COMPARATIVE = wordsOf(
  'vs versus compare compared comparing comparison than difference differences differ better worse pros cons tradeoffs advantages',
  'vergleich vergleiche vergleichen unterschied unterschiede besser schlechter gegenüber vorteile nachteile',
  'comparer comparaison différence différences meilleur meilleure avantages inconvénients contre',
  'comparar comparación diferencia diferencias mejor peor ventajas desventajas comparação diferença diferenças melhor',
  'confronta confronto differenza differenze migliore vergelijk vergelijking verschil verschillen beter',
)
const COMPARATIVE_UNSPACED = /比较|比較|区别|區別|差异|差異|对比|對比|違い|优缺点|сравн|разниц|отлич|비교|차이|तुलना|مقارنة|الفرق/u
const TEMPORAL = wordsOf(
  '(?:19|20)\\d\\d today yesterday tomorrow tonight now currently current latest recent recently newest since until ago week month',
  'heute gestern morgen jetzt aktuell aktuelle aktuellen neueste neuesten letzte letzten seit woche monat',
  'aujourd demain hier maintenant actuel actuelle dernier dernière récent récente depuis semaine mois',
  'hoy ayer mañana ahora actual último última reciente desde semana mes hoje ontem amanhã agora atual recente',
  'oggi ieri domani adesso attuale ultimo recente vandaag gisteren morgen nu huidige laatste sinds',
)
const TEMPORAL_UNSPACED =
  /今天|昨天|明天|最新|最近|现在|現在|今日|昨日|明日|今年|去年|сегодня|вчера|сейчас|последн|오늘|어제|최신|최근|आज|اليوم|أمس|أحدث/u

function wordsOf(...lists: readonly string[]): RegExp {
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${lists.join(' ').replaceAll(' ', '|')})(?![\\p{L}\\p{N}])`, 'u')
}

/** One space for several, or looking back over them would take time by their square. */
function evenlySpaced(text: string): string {
  return text.replace(/\s+/g, (space) => (space.includes('\n') ? '\n' : ' '))
}

function wordsIn(text: string): number {
  const unspaced = count(text, UNSPACED)
  return unspaced === 0 ? count(text, WORD) : count(text.replace(UNSPACED, ' '), WORD) + unspaced / 2
}

/** A text without any end is one clause. */
function clausesIn(text: string): number {
  const trimmed = text.trim()
  const ends = count(trimmed, CLAUSE_END)
  return /[\p{L}\p{N}]$/u.test(trimmed) ? ends + 1 : ends
}

function namesIn(text: string): number {
  const names = new Set(text.match(NAME) ?? [])
  for (const quoted of text.match(QUOTED) ?? []) names.add(quoted)
  return names.size
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}

/** How far `n` has come from `none` to `full`, 0–1. */
function share(n: number, none: number, full: number): number {
  return Math.min(1, Math.max(0, (n - none) / (full - none)))
}
