// One process of a fleet in memory: a board with its traffic, the parts that report and obey, and its part in the leading. The world
// says which services answer, and to whom.

import { Board } from '../../src/actors/board.ts'
import { Alarm } from '../../src/actors/fleet/alarm.ts'
import { DirectiveFollower } from '../../src/actors/fleet/directiveFollower.ts'
import { Leadership, type LeadershipOptions } from '../../src/actors/fleet/leadership.ts'
import { NodeBeat } from '../../src/actors/fleet/nodeBeat.ts'
import { NodeName } from '../../src/actors/fleet/nodeName.ts'
import { OutcomeReporter } from '../../src/actors/fleet/outcomeReporter.ts'
import { MemoryBus } from '../../src/bus/memoryBus.ts'
import { parseConfig } from '../../src/model/config.ts'
import { CallRejectedError } from '../../src/model/errors.ts'
import type { FailureType } from '../../src/model/failures.ts'
import { deriveSeed } from '../../src/model/random.ts'
import type { TransitionRecord } from '../../src/model/records.ts'
import { profileFor } from '../../src/services/profiles.ts'
import type { MemoryFleet } from './memoryFleet.ts'
import type { MemoryLink } from './memoryLink.ts'

/** What a call of a node to a service comes to at a moment: nothing, or how it fails. */
export type World = (service: string, node: string) => FailureType | undefined

export interface ProcessOptions {
  readonly config: Parameters<typeof parseConfig>[0]
  readonly world: World
  /** ms between two calls of each service; 0: none. */
  readonly every?: number
  readonly offset?: number
  /** False: it never stands for election. */
  readonly stands?: boolean
  readonly leader?: Partial<LeadershipOptions>
  readonly session?: string
}

export class Process {
  readonly link: MemoryLink
  readonly board: Board
  readonly leadership: Leadership | undefined
  readonly follower: DirectiveFollower
  readonly transitions: TransitionRecord[] = []
  /** Calls that got through, by service. */
  readonly passed = new Map<string, number>()
  readonly #beat: NodeBeat
  readonly #reporter: OutcomeReporter
  readonly #alarm: Alarm
  readonly #name: NodeName

  constructor(
    fleet: MemoryFleet,
    readonly node: string,
    { config, world, every = 100, offset = 0, stands = true, leader, session = '1' }: ProcessOptions,
  ) {
    this.link = fleet.join(node, { offset })
    const { link } = this
    const { clock } = link
    const { services, orchestrator } = parseConfig(config)
    const bus = new MemoryBus()
    const seed = deriveSeed(5, node)
    this.board = new Board({
      clock,
      bus,
      orchestrator,
      profileFor: (kind) => profileFor(kind),
      rules: [],
      seed,
      software: 'test',
    })
    for (const [service, { kind, policy }] of Object.entries(services)) this.board.add(service, kind, policy, this.board.now())
    bus.subscribe('transition', (event) => event.type === 'transition' && this.transitions.push(event))
    this.#name = new NodeName({ link, clock, session: `${node}-${session}`, taken: () => undefined })
    this.#reporter = new OutcomeReporter({ link, board: this.board, bus, name: this.#name })
    this.follower = new DirectiveFollower({ link, board: this.board, name: this.#name, alert: () => undefined })
    this.#beat = new NodeBeat({
      link,
      board: this.board,
      bus,
      name: this.#name,
      software: 'test',
      leads: () => this.leadership?.leads ?? false,
    })
    const lead = (): Leadership =>
      new Leadership({
        link,
        clock,
        services,
        orchestrator,
        profileFor: (kind) => profileFor(kind),
        seed,
        software: 'test',
        changed: () => this.#beat.soon(),
        ...leader,
      })
    this.leadership = stands ? lead() : undefined
    this.#alarm = new Alarm(clock, () => {
      for (const service of Object.keys(services)) this.call(service, world)
      this.#alarm.in(every)
    })
    if (every > 0) this.#alarm.in(every * (0.5 + fleet.random.next()))
  }

  call(service: string, world: World): void {
    const breaker = this.board.get(service)!
    const at = this.board.now()
    const admission = breaker.admit(at)
    if (admission instanceof CallRejectedError) return
    this.passed.set(service, (this.passed.get(service) ?? 0) + 1)
    const { generation, probe } = admission
    const failure = world(service, this.node)
    if (failure) breaker.fail(at, 20_000, generation, probe, { type: failure })
    else breaker.succeed(at, 20_000, generation, probe)
  }

  path(service: string): string {
    return this.board.get(service)!.path
  }

  /** A hold of the fleet's is in force here. */
  held(service: string): boolean {
    return this.board.get(service)!.context.standing.directive?.hold === true
  }

  async leave(): Promise<void> {
    this.#alarm.off()
    this.#reporter.stop()
    await this.leadership?.stop()
    this.#beat.stop()
    this.follower.stop()
    this.board.stop()
    await this.link.close()
  }
}
