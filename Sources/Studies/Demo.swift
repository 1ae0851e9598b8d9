import Demonstrations
import Evaluation
import Foundation
import Imitation
import Runs
import Settings
import Training

/// The main job from beginning to end on the built-in road: recordings in, a policy out, its return measured.
///
/// A demo that was interrupted goes on where it stopped when it is started again with the same output.
public struct Demo {
  public var output: URL
  public var seed: UInt64
  public var layers: [Preset]
  public var compute: Compute
  /// That stages go on with; nil for as many as they began with.
  public var threads: Int?

  public init(output: URL, seed: UInt64, layers: [Preset] = [], compute: Compute = Compute(), threads: Int? = nil) {
    (self.output, self.seed, self.layers, self.compute, self.threads) = (output, seed, layers, compute, threads)
  }

  private static let environment = "road"
  private static let expertEpisodes = (recorded: 6, used: 4)
  private static let (mixedEpisodes, mixedEpsilons) = (1200, [0, 0.1, 0.3, 0.5, 1])
  private static let evaluationEpisodes = 20

  /// What a demo showed: `results.json`.
  public struct Results: Codable, Sendable {
    public let expert: EvaluationResult
    public let ditto: EvaluationResult
    public let random: EvaluationResult
    /// How far the agent's mean is on the way from random play (0) to the expert (1).
    public let share: Double
    public let seed: UInt64
    public let actions: ActionChoice
    /// The complete configuration, as YAML.
    public let configuration: String
    public let commit: String
    /// Wall time of each stage that this process ran, in seconds.
    public let seconds: [String: Double]
  }

  /// - Throws: `RunError.folderInUse` where the output holds a finished demo, `ExperimentError.noDemo` where it holds
  ///   something else; what the stages throw.
  public func run() throws -> Results {
    let file = { (name: String) in output.appending(path: name) }
    guard !FileManager.default.fileExists(atPath: file("results.json").path) else {
      throw RunError.folderInUse(output.path)
    }
    let presets = try Presets.layers(["road", "scratch"]) + layers
    let world = try WorldModelConfiguration.load(.worldModel, from: presets)
    let own = try AgentConfiguration.load(.agent, from: presets)
    try begin(file("demo.yaml"), "# seed \(seed)\n" + world.yaml(.worldModel) + own.yaml(.agent))
    var seconds: [String: Double] = [:]
    func stage(_ name: String, isDone: Bool = false, _ body: () throws -> Void) throws {
      guard !isDone else { return }
      Observer.note("— \(name)")
      let start = Uptime.seconds
      let stopped = "\(output.path): stopped; the same command goes on from there"
      do { try body() } catch let error as Interrupted {
        throw Interrupted(exitCode: error.exitCode, description: stopped)
      }
      seconds[name] = Uptime.seconds - start
      try Interruption.check(stopped)
    }

    for (name, episodes, epsilons) in [
      ("expert", Self.expertEpisodes.recorded, [0]), ("mixed", Self.mixedEpisodes, Self.mixedEpsilons),
    ] {
      let folder = file("data").appending(path: name)
      try stage(
        "recording \(episodes) episodes of the scripted expert, \(name)",
        isDone: FileManager.default.fileExists(atPath: folder.path)
      ) {
        let recording = Recording(
          environment: Self.environment, pipeline: world.pipeline, episodes: episodes, epsilons: epsilons,
          seed: Seed(seed).stream(name).value >> 33)
        try recording.run(.scripted, named: "scripted", to: folder)
      }
    }
    try stage("training the world model on the mixed recordings") {
      if FileManager.default.fileExists(atPath: file("world-model").path) {
        return try WorldModelRun.resume(at: file("world-model"), threads: threads)
      }
      try WorldModelRun.start(at: file("world-model"), data: [file("data/mixed")], world, seed: seed, compute)
    }
    try stage("training a DITTO agent in it from \(Self.expertEpisodes.used) expert episodes") {
      if FileManager.default.fileExists(atPath: file("agent").path) {
        return try AgentRun.resume(at: file("agent"), threads: threads)
      }
      try AgentRun.start(
        at: file("agent"), .worldModel(file("world-model")), data: file("data/expert"),
        useEpisodes: Self.expertEpisodes.used, own, seed: seed,
        compute)
    }
    try stage("drawing a dream beside the truth") {
      var movie = DreamMovie()
      movie.seed = seed
      let dream = try movie.animation(
        of: LoadedWorldModel(at: file("world-model"), on: compute.device), Dataset(at: file("data/mixed")),
        episode: nil, compute.precision)
      try AtomicFile.write(dream.data(for: file("dream.gif")), to: file("dream.gif"))
    }

    let loaded = try LoadedAgent(at: file("agent"), seed: seed, compute)
    let evaluation = Evaluation(
      environment: Self.environment, pipeline: world.pipeline, episodes: Self.evaluationEpisodes, seed: seed)
    var results: [EvaluationResult] = []
    try stage("evaluating expert, agent and random play") {
      for (name, player) in [("expert", Player.scripted), ("ditto", .agent(loaded.agent)), ("random", .random)] {
        results.append(try evaluation.run(player, named: name, name == "ditto" ? loaded.facts : nil))
      }
    }
    let (expert, ditto, random) = (results[0], results[1], results[2])
    let summary = Results(
      expert: expert, ditto: ditto, random: random, share: (ditto.mean - random.mean) / (expert.mean - random.mean),
      seed: seed,
      actions: loaded.facts.actions, configuration: loaded.configuration, commit: Build.commit, seconds: seconds)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write(encoder.encode(summary), to: file("results.json"))
    return summary
  }

  /// Writes down what the demo is made with; where it has begun already, checks that it is the same.
  private func begin(_ file: URL, _ settings: String) throws {
    if let begun = try? String(contentsOf: file, encoding: .utf8) {
      guard begun == settings else { throw ExperimentError.demoDiffers(output.path) }
      return
    }
    if let held = try? FileManager.default.contentsOfDirectory(atPath: output.path), !held.isEmpty {
      throw ExperimentError.noDemo(output.path)
    }
    do {
      try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
    } catch {
      throw RunError.cannotWrite(output.path, reason: error.localizedDescription)
    }
    try AtomicFile.write(Data(settings.utf8), to: file)
  }
}

extension Demo.Results: CustomStringConvertible {
  public var description: String {
    let rows = [expert, ditto, random].map { result -> [String] in
      let share = (result.mean - random.mean) / (expert.mean - random.mean)
      return [
        result.player, "\(shown(result.mean)) ± \(shown(result.se ?? 0))", shown(result.min), shown(result.max),
        String(format: "%.2f", share),
      ]
    }
    return TextTable(columns: ["", "return (mean ± standard error)", "min", "max", "share of the way"], rows: rows)
      .description
  }
}
