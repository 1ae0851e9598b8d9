import Environments
import Foundation
import Runs
import Settings
import Spaces
import Testing
import Torch
import WorldModel

@testable import Evaluation
@testable import Imitation

/// A counter: each action is added to it, and it is all that is seen. It ends after twenty steps.
private final class Counter: Environments.Environment {
  let slots = 2
  let observation = ObservationSpace(vector: 1)
  let actions = ActionSpace.discrete(3)
  /// Whether it begins with its seed instead of with 0.
  private let beginsAtSeed: Bool
  /// Seconds that a step takes.
  private let delay: Double
  private var sums: [Int: (sum: Float, steps: Int)] = [:]

  init(beginsAtSeed: Bool, delay: Double = 0) { (self.beginsAtSeed, self.delay) = (beginsAtSeed, delay) }

  func reset(_ seeds: [Int: UInt64]) -> [Int: [UInt8]] {
    seeds.reduce(into: [:]) { frames, seed in
      sums[seed.key] = (beginsAtSeed ? Float(seed.value % 1000) : 0, 0)
      frames[seed.key] = .bytes(of: [sums[seed.key]!.sum])
    }
  }

  func step(_ actions: [Int: Action]) -> [Int: Outcome] {
    if delay > 0 { Thread.sleep(forTimeInterval: delay) }
    return actions.reduce(into: [:]) { outcomes, step in
      let number = step.value.classes[0]
      let (sum, steps) = sums[step.key]!
      sums[step.key] = (sum + Float(number), steps + 1)
      outcomes[step.key] = Outcome(
        frame: .bytes(of: [sum + Float(number)]), reward: Double(number), terminated: steps + 1 == 20, truncated: false)
    }
  }

  func close() {}
}

/// A game that ignores all actions while its tune plays, and then shows a while later whether it was the one that it
/// answers to. It may answer to another one from the first step on: later, by ending, or by paying.
final class Tune: Environments.Environment, @unchecked Sendable {
  let slots = 1
  let observation = ObservationSpace(vector: 1)
  let actions = ActionSpace.discrete(3)
  private let deaf, delay: Int
  private let other: Int?
  private let ends, pays: Bool
  private var taken: [Int] = []

  init(deaf: Int, delay: Int, other: Int? = nil, ends: Bool = false, pays: Bool = false) {
    (self.deaf, self.delay, self.other, self.ends, self.pays) = (deaf, delay, other, ends, pays)
  }

  func reset(_ seeds: [Int: UInt64]) -> [Int: [UInt8]] {
    taken = []
    return seeds.mapValues { _ in .bytes(of: [0]) }
  }

  func step(_ actions: [Int: Action]) -> [Int: Outcome] {
    actions.mapValues { action in
      taken.append(action.classes[0])
      let isOther = action.classes[0] == 1
      let seen = taken.count - 1 - delay
      var shown: Float = seen >= deaf && taken[seen] == 2 ? 0.5 : 0
      if let other, taken.count > other { shown += taken[taken.count - 1 - other] == 1 ? 0.25 : 0 }
      return Outcome(
        frame: .bytes(of: [shown + Float(taken.count)]), reward: pays && isOther ? 1 : 0, terminated: ends && isOther,
        truncated: false)
    }
  }

  func close() {}
}

/// A lever that moves by at most 1, and an expert who asks for 3 in every other step.
private final class Lever: ScriptedExpert {
  let slots = 1
  let observation = ObservationSpace(vector: 1)
  let actions = ActionSpace.box(low: [-1], high: [1])
  private(set) var taken: [Action] = []

  func reset(_ seeds: [Int: UInt64]) -> [Int: [UInt8]] { seeds.mapValues { _ in .bytes(of: [0]) } }
  func step(_ actions: [Int: Action]) -> [Int: Outcome] {
    taken += actions.values
    let outcome = Outcome(frame: .bytes(of: [0]), reward: 0, terminated: taken.count == 4, truncated: false)
    return actions.mapValues { _ in outcome }
  }
  func expertAction(in slot: Int) -> Action { .continuous([taken.count % 2 == 0 ? 3 : 0.5]) }
  func close() {}
}

@Suite struct StartsTests {
  @Test func takesTheBoundOfWhatIsBeyondAndSaysSo() throws {
    final class Told: @unchecked Sendable { var warnings: [String] = [] }
    let (told, lever) = (Told(), Lever())
    try Observer.$current.withValue(
      Observer { if case .warning(let text) = $0 { told.warnings.append(text) } }
    ) {
      try EpisodePlayer(
        environment: lever, name: "lever", player: .scripted, environmentSeed: { UInt64($0) }, seed: Seed(1)
      ).play(1) { #expect($0.actions == [1, 0.5, 1, 0.5].map { .continuous([$0]) }) }
    }
    #expect(lever.taken == [1, 0.5, 1, 0.5].map { .continuous([$0]) })
    #expect(
      told.warnings == [
        "lever: in 50.0% of the steps a number of the action was beyond the environment's bounds, and the bound was taken"
      ])
  }

  private func agent() -> Agent {
    var sizes = LatentSizes()
    (sizes.deterministic, sizes.hidden, sizes.groups, sizes.classes) = (8, 8, 2, 4)
    let random = RandomSource(Seed(3))
    let tenths = Normalizer(ObservationSpace(vector: 1), deviation: 10, on: .cpu)
    let model = WorldModel(sizes, tenths, actions: 3, using: random)
    let actor = MLP(sizes.features, 3, width: 8, hiddenLayers: 1, using: random)
    return Agent(model, actor, choosing: .best, seed: Seed(0))
  }

  private func played(_ environment: Counter, _ player: Player, _ start: ClosedRange<Int>, episodes: Int = 12) throws
    -> [PlayedEpisode]
  {
    var all: [PlayedEpisode] = []
    try EpisodePlayer(
      environment: environment, name: "counter", player: player, environmentSeed: { UInt64($0) }, seed: Seed(1),
      opening: { index in
        var generator = Seed(2).step(index).generator
        return (0..<Int.random(in: start, using: &generator)).map { _ in environment.actions.random(using: &generator) }
      }
    ).play(episodes) { all.append($0) }
    return all
  }

  @Test func aDeterministicEnvironmentRepeatsItselfUntilItsStartsAreRandom() throws {
    let fixed = try played(Counter(beginsAtSeed: false), .agent(agent()), 0...0)
    #expect(Set(fixed.map(\.ending)).count == 1)
    let random = try played(Counter(beginsAtSeed: false), .agent(agent()), 2...6)
    #expect(Set(random.map(\.ending)).count >= 10)
    #expect(Set(random.map { $0.actions }).count >= 10)
  }

  @Test func tellsWhatIsDeterministic() throws {
    #expect(try Counter(beginsAtSeed: false).isDeterministic(seed: 5, PixelPipeline(.none)))
    #expect(try !Counter(beginsAtSeed: true).isDeterministic(seed: 5, PixelPipeline(.none)))
    let starts = { EvaluationStarts(least: 0, most: 60, ignored: 7, isDeterministic: true, different: $0) }
    #expect(starts(15).warning("counter", episodes: 30) == nil)
    #expect(
      try #require(starts(14).warning("counter", episodes: 30)).contains(
        "only 14 of 30 episodes were different: it is deterministic"))
    #expect(try #require(starts(14).warning("counter", episodes: 30)).hasSuffix("the same wherever they begin"))
    #expect("\(starts(14))".hasSuffix("; episodes begin with 0 to 60 random actions after 7 that are ignored"))
  }

  @Test func atariGamesWithoutStickyActionsBeginWithRandomOnes() {
    var pipeline = PixelPipeline(.atari)
    #expect(pipeline.randomStart == 0...60)
    pipeline.stickyActions = 0.25
    #expect(pipeline.randomStart == 0...0 && PixelPipeline(.rendered).randomStart == 0...0)
    pipeline.randomSteps = [3, 8]
    #expect(pipeline.randomStart == 3...8)
  }

  @Test(arguments: [(0, 0), (0, 20), (7, 0), (7, 20), (30, 8)])
  func findsTheStepsInWhichNothingIsAnsweredTo(deaf: Int, delay: Int) throws {
    #expect(try Tune(deaf: deaf, delay: delay).ignoredSteps(seed: 5) == deaf)
  }

  /// It never answers; or to another action later than to what is seen first; or with its end; or with its reward.
  @Test(arguments: [
    Tune(deaf: 1000, delay: 0), Tune(deaf: 10, delay: 0, other: 30), Tune(deaf: 40, delay: 0, ends: true),
    Tune(deaf: 40, delay: 0, pays: true),
  ])
  func countsNoStepsWhereSomethingMattersFromTheFirstOn(game: Tune) throws {
    #expect(try game.ignoredSteps(seed: 5) == 0)
  }

  @Test(.enabled(if: AnySpaceTests.canRunGymnasium, "needs Python with gymnasium"))
  func episodesBeginAfterWhatIsIgnored() throws {
    var evaluation = Evaluation(
      environment: "gym:ALE/SpaceInvaders-v5", pipeline: PixelPipeline(.atari), episodes: 1, seed: 5, randomStart: 2...2
    )
    evaluation.pipeline.maxEpisodeSteps = 40
    let random = RandomSource(Seed(3))
    var sizes = LatentSizes()
    (sizes.depth, sizes.deterministic, sizes.hidden, sizes.groups, sizes.classes) = (2, 8, 8, 2, 4)
    let model = WorldModel(sizes, ObservationSpace(height: 64, width: 64), actions: 6, using: random)
    let actor = MLP(model.sizes.features, 6, width: 8, hiddenLayers: 1, using: random)
    let last = try #require(actor.namedParameters.last { $0.parameter.shape == [6] })
    last.parameter.assign(Tensor([0, 0, 0, 1000, 0, 0], [6]))
    let always = Agent(model, actor, choosing: .best, seed: Seed(0))
    do {
      var actions: [Action] = []
      let result = try evaluation.run(.agent(always), named: "always the third", onEpisode: { actions = $0.actions })
      #expect(result.starts?.ignored == 31 && result.starts?.isDeterministic == true)
      #expect(actions.count == 40 && Set(actions[..<31]).count == 6 && actions[33...].allSatisfy { $0 == 3 })
      evaluation.pipeline.maxEpisodeSteps = 33
      final class Told: @unchecked Sendable { var warnings: [String] = [] }
      let told = Told()
      _ = try Observer.$current.withValue(
        Observer { if case .warning(let text) = $0 { told.warnings.append(text) } }
      ) { try evaluation.run(.random, named: "random") }
      #expect(told.warnings.contains { $0.contains("cut after 33 steps, of which up to 33 are random actions") })
      evaluation.pipeline.stickyActions = 0.25
      let sticky = try evaluation.run(.random, named: "random")
      #expect(sticky.starts?.isDeterministic == false && sticky.starts?.ignored == nil)
    } catch EnvironmentError.missingPackage {}  // Gymnasium is there without its Atari games.
  }

  @Test func saysOnceThatAnEnvironmentIsSlowAndWhatWasCut() throws {
    final class Told: @unchecked Sendable { var warnings: [String] = [] }
    let told = Told()
    try Observer.$current.withValue(
      Observer { if case .warning(let text) = $0 { told.warnings.append(text) } }
    ) {
      var player = EpisodePlayer(
        environment: Counter(beginsAtSeed: false, delay: 0.02), name: "counter", player: .random,
        environmentSeed: { UInt64($0) }, seed: Seed(1), longest: 5)
      player.slow = 0.01
      try player.play(2) { #expect($0.actions.count == 5 && !$0.terminated) }
    }
    #expect(
      told.warnings.sorted() == [
        "counter: a step of 2 instances, one after the other, took 0 s; --instances makes fewer of it",
        "counter: episode 0 was cut after 5 steps, as it has no end; pipeline.maxEpisodeSteps, or --max-steps, sets how many",
        "counter: episode 1 was cut after 5 steps, as it has no end; pipeline.maxEpisodeSteps, or --max-steps, sets how many",
      ])
  }

  /// An agent whose action was replaced remembers the one that was taken: it goes on as one that chose it.
  @Test func anAgentRemembersTheActionsThatWereTaken() throws {
    let frames = (0..<6).map { [UInt8].bytes(of: [Float($0)]) }
    let (told, untold) = (agent(), agent())
    for (index, frame) in frames.enumerated() {
      let chosen = [try told.act(on: frame), try untold.act(on: frame)]
      #expect((told.memory(slot: 0) == untold.memory(slot: 0)) == (index == 0))
      told.took(.discrete(chosen[1] == 0 ? 1 : 0), slot: 0)
      untold.took(chosen[1], slot: 0)
    }
  }

  @Test func endingsAreEqualWhereTheLastStepsAreAndTheReturnIs() {
    let outcome = { (number: UInt8, reward: Double) in
      Outcome(frame: [number], reward: reward, terminated: false, truncated: false)
    }
    let ending = { (steps: [UInt8], first: Double) in
      var ending = EpisodeEnding()
      for (index, step) in steps.enumerated() { ending.append(0, outcome(step, index == 0 ? first : 0)) }
      return ending
    }
    let last = (0..<64).map { UInt8($0) }
    #expect(ending([9, 9] + last, 1) == ending([7] + last, 1))
    #expect(ending([9, 9] + last, 1) != ending([7] + last, 2))
    #expect(ending(last, 1) != ending(last.reversed(), 1))
  }
}
