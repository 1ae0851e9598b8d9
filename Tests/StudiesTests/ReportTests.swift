import Foundation
import Imitation
import Settings
import Spaces
import Testing
import Torch

@testable import Evaluation
@testable import Runs
@testable import Studies
@testable import Training

@Suite final class ReportTests {
  private let scratch = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)

  init() throws {
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    try Data(
      """
      {"step":5,"time":1,"time/steps_per_second":0.5,"discriminator/collapsed":0}
      {"step":10,"time":2,"time/steps_per_second":1,"discriminator/collapsed":1}

      """.utf8
    ).write(to: scratch.appending(path: "metrics.jsonl"))
  }

  deinit { try? FileManager.default.removeItem(at: scratch) }

  /// The file of an agent's evaluation, or with the method nil of another player's.
  private func result(
    _ name: String, _ method: Imitation.Method?, episodes: Int = 1, seed: UInt64 = 1, mean: Double,
    environmentSeed: UInt64 = 1, step: Int = 10,
    by selectedBy: SelectedBy = .last, worldModel: String = "w", data: [String] = ["expert"], from: String? = nil,
    _ change: (inout AgentConfiguration) -> Void = { _ in }
  ) throws -> URL {
    var configuration = AgentConfiguration()
    configuration.method = method ?? .ditto
    change(&configuration)
    let details = RunMetadata(
      device: .cpu, precision: .f32, threads: 1, data: data.map { .init(path: "recorded/\($0)", fingerprint: "") },
      ObservationSpace(vector: 1), 2, useEpisodes: episodes,
      worldModel: method == .bc ? nil : .init(path: "world", fingerprint: worldModel))
    var record = Record(kind: .agent, seed: seed, version: "test", started: Date(), details: details)
    record.from = from
    let facts = try AgentMetadata(
      configuration, WorldModelConfiguration(), record, of: scratch, step: step, by: selectedBy, choosing: .best)
    let evaluation = EvaluationResult(
      player: name, environment: "road", seed: environmentSeed, agent: method == nil ? nil : facts,
      returns: [mean - 1, mean + 1], lengths: [1, 1])
    let file = scratch.appending(path: "\(name).json")
    try AtomicFile.write(JSONEncoder().encode(evaluation), to: file)
    return file
  }

  @Test func comparesMethodsOverExpertEpisodes() throws {
    let report = try Report(
      [
        result("a", .ditto, seed: 1, mean: 10), result("b", .ditto, seed: 2, mean: 14),
        result("c", .ditto, episodes: 4, mean: 20), result("d", .dbc, mean: 5),
        result("scripted", nil, mean: 30),
      ], over: .episodes)
    #expect(
      report.points.map(\.line) == ["dbc", "ditto", "ditto"] && report.points.map(\.x) == [1, 1, 4]
        && report.points.map(\.mean) == [5, 12, 20])
    #expect(report.points.map(\.se) == [nil, 2, nil] && report.levels == ["expert (scripted)": 30])
    #expect(report.points.allSatisfy { $0.gradientSteps == 10 && $0.seconds == 15 })
    #expect(
      "\(report)".contains("12 ± 2 (2)") && report.csv.split(separator: "\n").count == 4
        && report.picture.contains("expert (scripted)"))
  }

  /// Agents without a horizon are lines across the picture, as D-BC is in the paper's figure 3.
  @Test func comparesHorizons() throws {
    let files = try [1, 15].flatMap { horizon in
      try (1...2).map { seed in
        try result("\(horizon)-\(seed)", .ditto, seed: UInt64(seed), mean: Double(horizon * seed)) {
          $0.imitation.horizon = horizon
        }
      }
    }
    let report = try Report(
      files + [result("e", .dbc, seed: 1, mean: 4), result("f", .dbc, seed: 2, mean: 6)], over: .horizon)
    #expect(
      report.points.map(\.x) == [1, 15] && report.points.map(\.mean) == [1.5, 22.5] && report.levels == ["dbc": 5])
  }

  /// Nothing is averaged that differs in more than its seed: it makes lines of their own, which say what sets them
  /// apart.
  @Test func tellsApartWhatIsNotTheSame() throws {
    let usual = try result("usual", .ditto, seed: 1, mean: 10)
    for (other, names) in [
      (
        try result("a", .ditto, seed: 2, mean: 0) { $0.imitation.policyGradient = .reinforce },
        ["ditto", "ditto, imitation.policyGradient reinforce"]
      ),
      (
        try result("b", .ditto, seed: 2, mean: 0) { $0.imitation.horizon = 3 },
        ["ditto, horizon 15", "ditto, horizon 3"]
      ),
      (try result("c", .ditto, seed: 2, mean: 0, worldModel: "v"), ["ditto, world model v", "ditto, world model w"]),
      (try result("d", .ditto, seed: 2, mean: 0, step: 5, by: .online), ["ditto", "ditto, chosen online"]),
      (try result("e", .ditto, seed: 2, mean: 0, step: 5, by: .named), ["ditto", "ditto, step 5"]),
      (
        try result("f", .ditto, seed: 2, mean: 0, step: 5, by: .offline),
        ["ditto, checkpoint last", "ditto, checkpoint offline"]
      ),
      (
        try result("g", .ditto, seed: 2, mean: 0) {
          ($0.imitation.reward.weights[.dot], $0.imitation.reward.weights[.l2]) = (0.5, 2)
        }, ["ditto", "ditto 0.5 dot + 2 l2"]
      ),
      (
        try result("j", .ditto, seed: 2, mean: 0, data: ["expert", "a", "b"]), ["ditto", "ditto, mixed data a and b"]
      ),
      (
        try result("k", .ditto, seed: 2, mean: 0, from: "runs/clone, step 5, 0a"), ["ditto", "ditto, from another run"]
      ),
    ] {
      let report = try Report([usual, other], over: .episodes)
      #expect(report.points.map(\.line) == names)
      #expect(names.allSatisfy { "\(report)".contains($0) && report.csv.contains($0) && report.picture.contains($0) })
    }
    // An older result, whose settings are said relative to other defaults.
    let older = try result("older", .ditto, seed: 2, mean: 0)
    let text = try String(contentsOf: older, encoding: .utf8)
    try Data(text.replacing(/"defaults" ?: ?2,?/, with: "").utf8).write(to: older)
    #expect(
      try Report([usual, older], over: .episodes).points.map(\.line).sorted() == [
        "ditto, defaults 1", "ditto, defaults 2",
      ])
    // Clones are the same whatever is said of dreams.
    #expect(
      try Report(
        [0.5, 0].enumerated().map { index, weight in
          try result("clone\(index)", .dbc, seed: UInt64(index), mean: 0) { $0.imitation.entropyWeight = weight }
        }, over: .episodes
      ).points.map(\.line) == ["dbc"])
    // What only PPO looks at tells no others apart.
    #expect(
      try Report(
        [2, 1].map { epochs in
          try result("i\(epochs)", .ditto, seed: UInt64(epochs), mean: 0) {
            ($0.imitation.policyGradient, $0.imitation.epochs) = (.reinforce, epochs)
          }
        }, over: .episodes
      ).points.map(\.line) == ["ditto"])
    // Checkpoints of other steps, chosen offline, are agents of one budget.
    let chosen = try Report(
      [5, 10].map { try result("h\($0)", .ditto, seed: UInt64($0), mean: Double($0), step: $0, by: .offline) },
      over: .episodes)
    #expect(chosen.points.map(\.line) == ["ditto"] && chosen.points[0].gradientSteps == 10)
  }

  @Test func saysWhoseDiscriminatorsCollapsed() throws {
    let report = try Report([result("g", .dgail, mean: 3)], over: .episodes)
    #expect(report.collapsed == ["g.json": 0.5] && "\(report)".contains("g.json (50 % of the steps)"))
  }

  @Test func refusesWhatCannotBeCompared() throws {
    let usual = try result("usual", .ditto, seed: 1, mean: 10)
    for (files, axis, names) in [
      ([usual, try result("a", .ditto, seed: 1, mean: 10)], ReportAxis.episodes, "the same seed"),
      ([usual, try result("b", .ditto, seed: 2, mean: 10, environmentSeed: 2)], .episodes, "--seed"),
      ([try result("c", .dbc, mean: 1)], .horizon, "none of the agents has a horizon"),
      (
        [usual, try result("random", nil, mean: 1), try result("random", nil, mean: 1)], .episodes,
        "'random' are there more than once"
      ),
      ([try result("d", nil, mean: 1)], .episodes, "none of the files is the evaluation of an agent"),
    ] {
      #expect { try Report(files, over: axis) } throws: { "\($0)".contains(names) }
    }
  }
}
