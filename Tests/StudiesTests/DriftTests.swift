import Demonstrations
import Environments
import Foundation
import Settings
import Testing
import Torch

@testable import Evaluation
@testable import Imitation
@testable import Studies
@testable import Training
import Spaces

@Suite struct TotalVariationTests {
  /// Episodes of states with `h` drawn around a mean, with deviation 1, and one class.
  private func normal(mean: Double, episodes: Int, steps: Int, _ seed: Seed) -> ExpertLatents {
    let count = episodes * steps
    return ExpertLatents(
      deterministic: Tensor.normal([count, 1], using: RandomSource(seed)) + mean, classes: .zeros([count, 1], .uint8),
      actions: .zeros([count], .int64),
      lengths: .init(repeating: steps, count: episodes), classCount: 1)
  }

  /// Episodes of states with equal `h` and a class with these probabilities.
  private func classes(_ probabilities: [Double], episodes: Int, steps: Int, _ seed: Seed) -> ExpertLatents {
    var generator = seed.generator
    let sampled = (0..<episodes * steps).map { _ -> UInt8 in
      var left = Double.random(in: 0..<1, using: &generator)
      return UInt8(
        probabilities.firstIndex {
          left -= $0; return left < 0
        } ?? probabilities.count - 1)
    }
    return ExpertLatents(
      deterministic: .zeros([sampled.count, 1]), classes: Tensor(sampled, [sampled.count, 1]),
      actions: .zeros([sampled.count], .int64),
      lengths: .init(repeating: steps, count: episodes), classCount: probabilities.count)
  }

  @Test(arguments: (0..<6).map(UInt64.init)) func findsNothingBetweenSamplesOfOneDistribution(seed: UInt64) {
    let seed = Seed(seed)
    let found = TotalVariation(
      between: normal(mean: 0, episodes: 40, steps: 20, seed.stream("a")),
      and: normal(mean: 0, episodes: 40, steps: 20, seed.stream("b")), seed: seed)
    #expect(found.bound == 0 && abs(found.estimate) < 0.1)
  }

  @Test func findsThatDisjointDistributionsHaveNothingInCommon() {
    let found = TotalVariation(
      between: normal(mean: -8, episodes: 200, steps: 2, Seed(1)),
      and: normal(mean: 8, episodes: 200, steps: 2, Seed(2)), seed: Seed(3))
    #expect(found.estimate == 1 && found.bound > 0.95 && found.bound < 1)
  }

  /// Normal distributions one deviation apart: 2 Φ(1/2) − 1.
  @Test(arguments: (0..<6).map(UInt64.init)) func staysBelowTheTruthBetweenNormals(seed: UInt64) {
    let seed = Seed(seed)
    let found = TotalVariation(
      between: normal(mean: 0, episodes: 100, steps: 20, seed.stream("a")),
      and: normal(mean: 1, episodes: 100, steps: 20, seed.stream("b")), seed: seed)
    let truth = 0.38292
    #expect(found.bound <= truth && found.bound > 0.05)
    #expect(abs(found.estimate - truth) < 0.06)
  }

  /// One state an episode, so that shares vary the most they can.
  @Test(arguments: (0..<6).map(UInt64.init)) func staysBelowTheTruthBetweenClasses(seed: UInt64) {
    let (p, q, seed) = ([0.5, 0.3, 0.1, 0.1], [0.1, 0.1, 0.2, 0.6], Seed(seed))
    let found = TotalVariation(
      between: classes(p, episodes: 300, steps: 1, seed.stream("a")),
      and: classes(q, episodes: 300, steps: 1, seed.stream("b")), seed: seed)
    #expect(found.bound <= 0.6 && found.bound > 0.3)
  }

  /// Where all of `n` agree, the least mean is the one under which that has half the risk: `μⁿ = 0.025`.
  @Test func trustsFewEpisodesLittle() {
    for n in [1, 6, 20] { #expect(abs(TotalVariation.leastMean(1, of: n) - pow(0.025, 1 / Double(n))) < 1e-9) }
    #expect(TotalVariation.leastMean(0, of: 3) == 0)
  }

  /// A coin's share of heads in 15 throws is above the truth's bound in at most one of forty.
  @Test func theLeastMeanIsRarelyAboveTheTruth() {
    var generator = Seed(5).generator
    for truth in [0.2, 0.5, 0.9] {
      let missed = (0..<2000).count { _ in
        TotalVariation.leastMean(
          (0..<15).map { _ in Double.random(in: 0..<1, using: &generator) < truth ? 1 : 0 }.mean, of: 15) > truth
      }
      #expect(Double(missed) / 2000 <= 0.025)
    }
  }
}

@Suite struct TotalVariationSharesTests {
  /// The first half is judged by who calls everything the first kind, the second by who calls nothing so.
  @Test(arguments: [(1, 1), (2, 3), (3, 2), (7, 4)]) func findsNothingWhereClassifiersDiffer(counts: (Int, Int)) {
    let called = { (share: Double) in [counts.0, counts.1].map { [Double](repeating: share, count: $0) } }
    // One episode more of a kind is in the first half.
    let found = TotalVariation(shares: [[called(1)[0] + [1], called(1)[1]], called(0)])
    #expect(found.estimate == 0 && found.bound == 0)
  }

  @Test func halvesWeighTheSame() {
    // Means 0.9 and 0.7 of the first kind, 0 and 0.2 of the second.
    let found = TotalVariation(shares: [[[0.8, 1], [0, 0, 0]], [[0.7], [0.1, 0.3]]])
    #expect(abs(found.estimate - 0.7) < 1e-12)
    // As many episodes as twice the smaller half, of each kind.
    let many = TotalVariation(
      shares: (0..<2).map { half in [.init(repeating: 1, count: 40 + half), .init(repeating: 0, count: 60 - half)] })
    #expect(many.estimate == 1 && abs(many.bound - (pow(0.025, 1.0 / 80) + pow(0.025, 1.0 / 118) - 1)) < 1e-9)
  }
}

@Suite struct DriftTests {
  private let scratch = FileManager.default.temporaryDirectory.appending(path: "ditto-drift-\(UUID().uuidString)")

  /// Two episodes of random states.
  private var latents: ExpertLatents {
    ExpertLatents(
      deterministic: .normal([30, 8], using: RandomSource(Seed(1))),
      classes: Tensor((0..<60).map { UInt8($0 * 7 % 5) }, [30, 2]),
      actions: .zeros([30], .int64), lengths: [18, 12], classCount: 5)
  }

  @Test func anExpertIsNotFarFromItself() {
    let own: [Float] = latents.distance(from: latents.states(0..<30).features).values()
    #expect(own.count == 30 && own.allSatisfy { abs($0) < 1e-6 })
    let other: [Float] = latents.episodes([1]).distance(from: latents.episodes([0]).states(0..<18).features).values()
    #expect(other.count == 18 && other.allSatisfy { $0 > 0.01 })
  }

  @Test func takesEpisodesApartAndJoinsThem() {
    let swapped = latents.episodes([1, 0])
    #expect(swapped.lengths == [12, 18] && latents.places(ofEpisode: 1) == 18..<30)
    let again = swapped.episodes([1, 0])
    #expect(again.deterministic.values(as: Float.self) == latents.deterministic.values())
    #expect(again.classes.values(as: UInt8.self) == latents.classes.values() && again.lengths == latents.lengths)
  }

  @Test func averagesOverWhoStillRuns() throws {
    let nothing = TotalVariation(between: latents, and: latents, seed: Seed(0))
    let path = DriftStudy.Path("agent", [[1, 2, 3, 4], [3, 4], [5, 9, 9, 6]], 4, nothing)
    #expect(path.distance == [3, 5, 6, 5] && path.running == [3, 3, 2, 2])
    #expect(abs(path.standardError[0] - 2 / 3.0.squareRoot()) < 1e-12 && path.standardError[2] == 3)
    #expect(path.lasting == 2.0 / 3 && path.ending == [3, 4])
    #expect(path.mean(0..<1) == 3 && abs(path.mean(1..<3)! - 27.0 / 5) < 1e-12 && path.mean(4..<6) == nil)
  }

  /// A dataset of random grey frames.
  private func dataset(_ name: String, side: Int = 32, actions: Int = 3, episodes: Int = 4) throws -> Dataset {
    let folder = scratch.appending(path: name)
    let writer = try DatasetWriter(
      at: folder, observation: ObservationSpace(height: side, width: side), actions: .discrete(actions))
    let (steps, pixels) = (12, side * side)
    for episode in 0..<episodes {
      try writer.append(
        RecordedEpisode(
          frames: (0..<(steps + 1) * pixels).map { UInt8(($0 + episode) % 7) },
          actions: (0..<steps).map { .discrete($0 % actions) },
          rewards: .init(repeating: 1, count: steps), terminated: true, truncated: false))
    }
    try writer.finish()
    return try Dataset(at: folder)
  }

  @Test func measuresAgentsWithAWorldModelAndSaysWhatDoesNotFit() throws {
    defer { try? FileManager.default.removeItem(at: scratch) }
    var configuration = WorldModelConfiguration()
    (configuration.model.depth, configuration.model.deterministic, configuration.model.hidden) = (2, 8, 8)
    (configuration.training.steps, configuration.sequences.length) = (1, 8)
    (configuration.pipeline.kind, configuration.pipeline.size) = (.road, 32)
    let data = try dataset("data")
    try WorldModelRun.start(
      at: scratch.appending(path: "world"), data: [scratch.appending(path: "data")], configuration, seed: 0, Compute())
    let world = try LoadedWorldModel(at: scratch.appending(path: "world"))

    // Cloned from pixels: it has no world model of its own.
    var cloning = AgentConfiguration()
    (cloning.method, cloning.training.steps) = (.bc, 1)
    let clone = { (name: String) throws -> (name: String, agent: LoadedAgent) in
      let run = self.scratch.appending(path: name)
      try AgentRun.start(
        at: run, .pixels(configuration), data: self.scratch.appending(path: "data"), useEpisodes: nil, cloning, seed: 0,
        Compute())
      return (name, try LoadedAgent(at: run))
    }
    let agent = try clone("clone")
    let study = { (data: Dataset, agents: [(name: String, agent: LoadedAgent)], environment: String) in
      try DriftStudy(world, data, agents, environment: environment, episodes: 2, seed: 0, Compute())
    }
    let found = try study(data, [agent], "road")
    #expect(found.paths.map(\.player) == ["expert", "clone", "random"])
    #expect(found.paths.allSatisfy { $0.distance.count == $0.running.count && $0.distance.allSatisfy(\.isFinite) })
    #expect(found.paths[0].running == .init(repeating: 4, count: 13) && found.paths[1].running[0] == 2)
    #expect("\(found)".contains("clone") && found.picture.hasPrefix("<svg"))

    let (three, four, large) = (
      try dataset("three", episodes: 3), try dataset("four", actions: 4), try dataset("large", side: 64)
    )
    #expect(throws: ExperimentError.tooFewEpisodes(dataset: three.name, wanted: 4, found: 3)) {
      try study(three, [agent], "road")
    }
    #expect(throws: ExperimentError.wrongActions(what: four.name, found: 4, expected: 3)) {
      try study(four, [agent], "road")
    }
    #expect { try study(large, [agent], "road") } throws: { error in
      if case ExperimentError.wrongFrames(_, _, expected: "1×32×32 uint8") = error { true } else { false }
    }
    for name in ["clone", "expert", "random"] {
      #expect(throws: ExperimentError.namedTwice(name)) { try study(data, [agent, (name, agent.agent)], "road") }
    }
    let wide = scratch.appending(path: "wide")
    var skipping = PixelPipeline(.road, size: 32)
    skipping.frameSkip = 2
    try Recording(environment: "road", pipeline: skipping, episodes: 4, epsilons: [0], seed: 1)
      .run(.random, named: "random", to: wide)
    #expect(throws: ExperimentError.otherPipeline("wide-v0")) { try study(Dataset(at: wide), [agent], "road") }
    #expect(throws: EnvironmentError.unknownEnvironment("raod")) { try study(data, [agent], "raod") }
    configuration.pipeline.maxEpisodeSteps = 5
    let other = try clone("other")
    #expect(throws: ExperimentError.otherEyes(agent: "other", worldModel: world.url.path)) {
      try study(data, [agent, other], "road")
    }
  }

  /// Who drives at random on the road soon is where the expert never was.
  @Test func whoDriftsIsFartherThanTheExpert() throws {
    defer { try? FileManager.default.removeItem(at: scratch) }
    let world = try LoadedWorldModel.road(at: scratch.appending(path: "world"))
    let folder = scratch.appending(path: "expert")
    try Recording(environment: "road", pipeline: world.configuration.pipeline, episodes: 24, epsilons: [0], seed: 1)
      .run(.scripted, named: "scripted", to: folder)
    let study = try DriftStudy(world, Dataset(at: folder), [], environment: "road", episodes: 60, seed: 0, Compute())
    let (expert, random) = (study.paths[0], study.paths[1])
    #expect(expert.lasting == 1 && random.lasting == 0 && expert.ending.isEmpty)
    #expect(random.mean(0..<30)! > 1.15 * expert.mean(0..<30)!, "\(study)")
    #expect(random.ending.last! > 1.5 * expert.mean(0..<300)!, "\(study)")
    // Two halves of the expert's episodes may look different, as their roads do, but that proves nothing; so many of
    // random play's do.
    #expect(random.totalVariation.bound > 0 && expert.totalVariation.bound == 0, "\(study)")
  }
}
