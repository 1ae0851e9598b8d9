import Demonstrations
import Environments
import Foundation
import Imitation
import Settings
import Spaces
import Testing
import Torch
import WorldModel

@testable import Evaluation
@testable import Studies
@testable import Training

/// What the study says of a world model of the road that learned, of the same one damaged, and of data that it does not
/// know.
@Suite(.serialized) final class WorldModelStudyTests {
  private let scratch = FileManager.default.temporaryDirectory.appending(path: "ditto-study-\(UUID().uuidString)")
  deinit { try? FileManager.default.removeItem(at: scratch) }

  private static let fine = ["Nothing speaks against learning in it."]

  private func road(_ name: String, epsilons: [Double], seed: UInt64) throws -> Dataset {
    let folder = scratch.appending(path: name)
    try Recording(
      environment: "road", pipeline: PixelPipeline(.road, size: 32), episodes: 10, epsilons: epsilons, seed: seed
    )
    .run(.scripted, named: "scripted", to: folder)
    return try Dataset(at: folder)
  }

  /// One episode after the other of made-up frames of 32×32 pixels.
  private func made(
    _ name: String, episodes: Int = 2, steps: Int = 60, actions: Int = 3, side: Int = 32,
    pixel: (_ t: Int, _ place: Int) -> UInt8
  ) throws -> Dataset {
    let folder = scratch.appending(path: name)
    let writer = try DatasetWriter(
      at: folder, observation: ObservationSpace(height: side, width: side), actions: .discrete(actions))
    for _ in 0..<episodes {
      try writer.append(
        RecordedEpisode(
          frames: (0...steps).flatMap { t in (0..<side * side).map { pixel(t, $0) } },
          actions: (0..<steps).map { .discrete($0 % actions) },
          rewards: .init(repeating: 1, count: steps), terminated: true, truncated: false))
    }
    try writer.finish()
    return try Dataset(at: folder)
  }

  /// - Parameter change: parameters by name to what takes their place.
  private func study(
    _ data: [Dataset], expert: Dataset? = nil, trainedOn learned: [Dataset] = [], steps: Int = 5,
    _ change: [String: (Tensor) -> Tensor] = [:]
  ) throws -> WorldModelStudy {
    let world = try LoadedWorldModel.road(at: scratch.appending(path: "world-\(UUID().uuidString)"), trainedOn: learned)
    for (name, parameter) in world.model.namedParameters {
      if let change = change[name] { parameter.assign(change(parameter)) }
    }
    return try WorldModelStudy(world, data: data, expert: expert, steps: steps, seed: 0, Compute())
  }

  @Test func findsNothingAgainstAModelThatLearned() throws {
    let (data, expert) = (try road("data", epsilons: [0, 0.3], seed: 1), try road("expert", epsilons: [0], seed: 2))
    let study = try study([data], expert: expert, trainedOn: [data], steps: 10)
    // Its grade is a small model's.
    let advice = { WorldModelStudy.advice(study.openLoop, study.answers, study.groups, study.coverage, $0) }
    #expect(advice(nil) == Self.fine && study.advice == advice(study.grade) && study.advice != Self.fine)
    #expect(study.seenInTraining == ["data-v0"] && study.grade?.clone?.count == 10)
    #expect(study.openLoop.error.last! < 0.5 * min(study.openLoop.stillError.last!, study.openLoop.meanError.last!))
    #expect(study.openLoop.drift.last! < 0.5 * study.openLoop.stillDrift.last!)
    #expect(study.openLoop.stillDrift == study.openLoop.stillDrift.sorted())
    #expect(study.answers.map(\.actions) == ["recorded", "random", "always 0", "always 1", "always 2"])
    #expect(study.answers[0].separation == 0.5 && study.answers[0].errorSeparation == 0.5)  // against itself
    #expect(study.answers.dropFirst().allSatisfy { $0.separation > 0.6 })
    #expect(study.groups.collapsed == 0 && study.groups.divergence.count == 16)
    #expect(try #require(study.coverage).share > 0.9)
    // The same seed, the same numbers; and some sequences end on the way.
    #expect("\(try self.study([data], expert: expert, trainedOn: [data], steps: 10))" == "\(study)")
    #expect(study.openLoop.sequences == study.openLoop.sequences.sorted(by: >=) && study.openLoop.sequences.last! < 512)
  }

  @Test func saysThatAModelIgnoresActions() throws {
    let study = try study([try road("data", epsilons: [0, 0.3], seed: 1)], ["rssm.actionInput.weight": { $0 * 0 }])
    #expect(study.answers.allSatisfy { $0.separation == 0.5 && $0.errorSeparation == 0.5 })
    #expect(study.advice.contains { $0.contains("hardly answers to actions") })
    #expect(study.coverage == nil)
  }

  @Test func saysThatAModelKnowsNothing() throws {
    let data = try road("data", epsilons: [0, 0.3], seed: 1)
    let configuration = try WorldModelConfiguration.load(.worldModel, from: Presets.layers(["road"]))
    let untrained = WorldModel(
      configuration.model, ObservationSpace(height: 32, width: 32), actions: 3, using: RandomSource(Seed(0)))
    let study = try study(
      [data],
      Dictionary(uniqueKeysWithValues: untrained.namedParameters.map { name, parameter in (name, { _ in parameter }) }))
    #expect(
      study.advice.contains { $0.hasPrefix("From step 1 on, frames") }
        && study.advice.contains { $0.contains("hardly answers to actions") })
  }

  @Test func countsGroupsThatSayNothing() throws {
    // The first 10 groups of 16 classes each have the same posterior and prior, whatever was seen.
    let mask = { (rows: Int) in Tensor((0..<rows).map { $0 < 160 ? Float(0) : 1 }, [rows]) }
    let silent = { (parameter: Tensor) in
      parameter.shape.count == 2 ? parameter * mask(256).reshaped(256, 1) : parameter * mask(256)
    }
    let names = ["posterior", "prior"].flatMap { head in ["weight", "bias"].map { "rssm.\(head).logits.\($0)" } }
    let study = try study(
      [try road("data", epsilons: [0], seed: 1)], Dictionary(uniqueKeysWithValues: names.map { ($0, silent) }))
    #expect(
      study.groups.divergence.prefix(10).allSatisfy { abs($0) < 1e-5 }
        && study.groups.information.prefix(10).allSatisfy { $0 < 1e-5 })
    #expect(study.groups.classes.prefix(10).allSatisfy { abs($0 - 16) < 1e-3 })
    #expect(study.groups.collapsed == 10)
    #expect(study.advice.contains { $0.hasPrefix("10 of 16 groups of z are collapsed") })
  }

  @Test func saysFromWhichStepOnPredictionsFail() throws {
    let groups = WorldModelStudy.Groups(divergence: [1], information: [1], classes: [2], collapsed: 0)
    let answer = WorldModelStudy.Answer(actions: "random", reward: [0], separation: 1, error: 1, errorSeparation: 1)
    let advice = { (error: [Double], drift: [Double], grade: ModelGrade?) in
      let still = [Double](repeating: 10, count: error.count)
      return WorldModelStudy.advice(
        .init(
          sequences: error.map { _ in 1 }, error: error, stillError: still, meanError: still.map { $0 * 2 },
          drift: drift, stillDrift: still),
        [answer], groups, nil, grade)
    }
    // At one step alone it says nothing, nor before a step from which on most are good; 90 % of the better of two
    // simple answers is the bound for frames.
    #expect(advice([9, 1, 1, 1], [10, 9.9, 9.9, 9.9], nil) == Self.fine)
    #expect(advice([1, 8.9, 9, 1, 9, 9], [1, 1, 1, 1, 1, 1], nil).map { $0.prefix(20) } == ["From step 3 on, fram"])
    #expect(advice([1, 1, 1], [9, 9, 10], nil).map { $0.prefix(20) } == ["From step 3 on, late"])
    let deaf = try JSONDecoder().decode(
      ModelGrade.self, from: JSONEncoder().encode(["expert": [0.6], "random": [0.5], "draw": [1]]))
    #expect(advice([1], [1], deaf).map { $0.prefix(49) } == ["By the grade a reward says next to nothing at any"])
  }

  @Test func holdsStandingStillAgainstPredictions() throws {
    let study = try study([try made("still") { _, place in UInt8(place % 251) }])
    #expect(study.openLoop.stillError == [0, 0, 0, 0, 0])
    #expect(study.advice.contains { $0.hasPrefix("From step 1 on, frames are predicted hardly better") })
  }

  @Test func coversWhatIsLikeWhatTheModelLearnedFrom() throws {
    let data = try road("data", epsilons: [0, 0.3], seed: 1)
    let noise = try made("noise") { t, place in UInt8((t * 7919 + place * 104_729) % 251) }
    // The recordings themselves: about 95 % of the quarter that is compared with the others, and all of those.
    #expect(try #require(study([data], expert: data, trainedOn: [data]).coverage).share > 0.95)
    // Recordings that are asked about do not cover what the model has never learned.
    let study = try study([noise], expert: noise, trainedOn: [data])
    #expect(try #require(study.coverage).share < 0.1)
    #expect(study.seenInTraining.isEmpty)
    #expect(study.advice.contains { $0.hasPrefix("Only ") && $0.contains("of the expert's states are covered") })
  }

  @Test func saysThatWhatTheModelLearnedFromIsGone() throws {
    let (data, learned) = (try made("data") { t, _ in UInt8(t) }, try made("learned") { t, _ in UInt8(t + 1) })
    try FileManager.default.removeItem(atPath: learned.path)
    #expect(throws: ExperimentError.trainingDataGone(learned.path)) {
      try self.study([data], expert: data, trainedOn: [learned])
    }
    #expect(try study([data], trainedOn: [learned]).coverage == nil)
    // Another one in its place is not it.
    _ = try made("learned") { t, _ in UInt8(t + 2) }
    #expect(throws: ExperimentError.trainingDataGone(learned.path)) {
      try self.study([data], expert: data, trainedOn: [learned])
    }
  }

  @Test func refusesDataThatDoNotFit() throws {
    let grey = { (t: Int, _: Int) in UInt8(t) }
    let (data, four) = (try made("data", pixel: grey), try made("four", actions: 4, pixel: grey))
    let large = try made("large", side: 64, pixel: grey)
    #expect(throws: ExperimentError.wrongActions(what: "four-v0", found: 4, expected: 3)) {
      try self.study([data, four])
    }
    #expect(throws: ExperimentError.wrongActions(what: "four-v0", found: 4, expected: 3)) {
      try self.study([data], expert: four)
    }
    #expect(
      throws: ExperimentError.wrongFrames(environment: "large-v0", found: "1×64×64 uint8", expected: "1×32×32 uint8")
    ) { try self.study([large]) }
    let short = try made("short", episodes: 20, steps: 4, pixel: grey)
    #expect(throws: ImitationError.episodesTooShort(required: 5, longest: 4)) { try self.study([short]) }
    #expect(throws: DemonstrationError.episodesTooShort(required: 21, found: 12)) {
      try self.study([try made("one", episodes: 1, steps: 11, pixel: grey)])
    }
    #expect(throws: ExperimentError.tooFewEpisodes(dataset: "single-v0", wanted: 2, found: 1)) {
      try self.study([data], expert: data, trainedOn: [try made("single", episodes: 1, pixel: grey)])
    }
  }
}
