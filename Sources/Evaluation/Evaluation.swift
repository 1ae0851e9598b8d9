import Demonstrations
import Environments
import Foundation
import Runs
import Settings
import Spaces
import Training

/// What playing some episodes gave.
public struct EvaluationResult: Codable, Equatable, Sendable {
  public let player: String
  public let environment: String
  public let seed: UInt64
  /// What the agent is; absent for others.
  public let agent: AgentMetadata?
  /// The undiscounted return of each episode.
  public let returns: [Double]
  /// Environment steps of each episode.
  public let lengths: [Int]
  public let mean: Double
  /// The standard error of the mean, and its 95 % bootstrap interval; absent for one episode.
  public let se: Double?
  public let low: Double?
  public let high: Double?
  public let min: Double
  public let max: Double
  /// How the episodes began, and how many different ones there were; absent in results of versions before 0.2.
  public let starts: EvaluationStarts?
  /// Absent without a world model, and where its run says nothing of recordings.
  public let surprise: SurpriseShare?

  init(
    player: String, environment: String, seed: UInt64, agent: AgentMetadata?, returns: [Double], lengths: [Int],
    starts: EvaluationStarts? = nil, surprise: SurpriseShare? = nil
  ) {
    (self.starts, self.surprise) = (starts, surprise)
    (self.player, self.environment, self.seed, self.agent) = (player, environment, seed, agent)
    (self.returns, self.lengths) = (returns, lengths)
    let summary = Summary(of: returns, seed: Seed(seed).stream("bootstrap"))
    (mean, se, low, high) = (summary.mean, summary.standardError, summary.low, summary.high)
    (min, max) = (returns.min() ?? 0, returns.max() ?? 0)
  }
}

/// A player's result, and another's beside it.
public struct EvaluationReport: Encodable, CustomStringConvertible {
  private let result: EvaluationResult
  private let other: EvaluationResult?

  public init(_ result: EvaluationResult, against other: EvaluationResult?) {
    (self.result, self.other) = (result, other)
  }

  private enum Keys: String, CodingKey { case against, difference, p }

  /// The probability of a difference at least as large where there is none: Welch's t-test, two-sided; nil for single
  /// episodes, and where no returns vary.
  private var p: Double? { other.flatMap { welchTest(result.returns, $0.returns) } }

  /// The first result's own keys; with another also `against`, the `difference` of the means and its `p`.
  public func encode(to encoder: any Encoder) throws {
    try result.encode(to: encoder)
    guard let other else { return }
    var container = encoder.container(keyedBy: Keys.self)
    try container.encode(other, forKey: .against)
    try container.encode(result.mean - other.mean, forKey: .difference)
    try container.encodeIfPresent(p, forKey: .p)
  }

  public var description: String {
    guard let other else { return "\(result)" }
    let test = p.map { String(format: ", p = %.2g (Welch's t-test)", $0) } ?? ""
    return "\(result)\n\(other)\n" + "difference \(shown(result.mean - other.mean))" + test
  }
}

/// Plays whole episodes in the real environment and measures their returns. Nothing learns from it.
public struct Evaluation {
  public var environment: String
  public var pipeline: PixelPipeline
  public var episodes: Int
  public var seed: UInt64
  /// How many random actions, the least and the most, each episode begins with; the agent's memory sees them. Those
  /// that a deterministic environment ignores do not count, and come before.
  public var randomStart: ClosedRange<Int>
  public var hosting = Hosting()
  /// Whether nothing is to be played where there is no picture to see.
  public var needsPictures = false

  /// - Parameter randomStart: nil for what the pipeline says.
  public init(
    environment: String, pipeline: PixelPipeline, episodes: Int, seed: UInt64, randomStart: ClosedRange<Int>? = nil
  ) {
    (self.environment, self.pipeline, self.episodes, self.seed) = (environment, pipeline, episodes, seed)
    self.randomStart = randomStart ?? pipeline.randomStart
  }

  /// Episodes side by side.
  package static let slots = 20

  /// Uniformly random actions, as many as are drawn and those before them that are ignored.
  private func randomActions(_ actions: ActionSpace, ignored: Int, _ seed: Seed) -> [Action] {
    var generator = seed.generator
    return (0..<ignored + Int.random(in: randomStart, using: &generator)).map { _ in
      actions.random(using: &generator)
    }
  }

  /// - Parameter onEpisode: called with each episode, in order; with the frames of those that `keepsFrames` says, by
  ///   their index.
  /// - Throws: `ExperimentError.noPixels`; as `EpisodePlayer`, and what `onEpisode` throws.
  public func run(
    _ player: Player, named name: String, _ facts: AgentMetadata? = nil,
    keepsFrames: @escaping (Int) -> Bool = { _ in false },
    onEpisode: (PlayedEpisode) throws -> Void = { _ in }
  ) throws -> EvaluationResult {
    var pipeline = pipeline
    pipeline.noopsBySeed = true
    let made = try player.environment(environment, pipeline: pipeline, slots: Swift.min(Self.slots, episodes), hosting)
    defer { made.close() }
    guard !needsPictures || !made.observation.images.isEmpty else { throw ExperimentError.noPixels(environment) }
    var (returns, lengths, endings, cut) = ([Double](), [Int](), Set<EpisodeEnding>(), 0)
    let root = Seed(seed).stream("evaluate")
    var (isDeterministic, ignored): (Bool, Int?) = (false, nil)
    do {
      let first = EpisodeSeeds.evaluation(seed, 0)
      isDeterministic = try pipeline.stickyActions == 0 && made.isDeterministic(seed: first, pipeline)
      if isDeterministic, randomStart.upperBound > 0 {
        // After the fewest no-ops; after more of them fewer steps are ignored.
        ignored = try made.ignoredSteps(seed: first - first % UInt64(max(pipeline.noopMax, 1)))
      }
    } catch EnvironmentError.stopped {
      throw Interrupted(
        exitCode: Interruption.exitCode ?? 1, description: "\(environment): stopped before an episode was played")
    }
    var played = EpisodePlayer(
      environment: made, name: environment, player: player, environmentSeed: { EpisodeSeeds.evaluation(seed, $0) },
      seed: root,
      opening: { randomActions(made.actions, ignored: ignored ?? 0, root.stream("start").step($0)) },
      keepsFrames: keepsFrames)
    if pipeline.maxEpisodeSteps > 0 { played.longest = pipeline.maxEpisodeSteps }
    let opening = (ignored ?? 0) + randomStart.upperBound
    if opening > 0, (1...opening).contains(pipeline.maxEpisodeSteps) {
      Observer.warn(
        "\(environment): episodes are cut after \(pipeline.maxEpisodeSteps) steps, of which up to \(opening) are random actions; let them be longer, or set --random-steps 0:0"
      )
    }
    let progress = ProgressMeter("evaluating \(name)", total: episodes, unit: "episodes")
    try played.play(episodes) { episode in
      progress.update(episode.index + 1)
      returns.append(episode.total)
      lengths.append(episode.actions.count)
      if !episode.terminated, episode.actions.count == pipeline.maxEpisodeSteps { cut += 1 }
      endings.insert(episode.ending)
      try onEpisode(episode)
    }
    if cut > 0 {
      Observer.note("\(environment): \(cut) of \(episodes) episodes were cut after \(pipeline.maxEpisodeSteps) steps")
    }
    let starts = EvaluationStarts(
      least: randomStart.lowerBound, most: randomStart.upperBound, ignored: ignored,
      isDeterministic: isDeterministic, different: endings.count)
    if let warning = starts.warning(environment, episodes: episodes) { Observer.warn(warning) }
    return EvaluationResult(
      player: name, environment: environment, seed: seed, agent: facts, returns: returns, lengths: lengths,
      starts: starts,
      surprise: player.surprises.flatMap(SurpriseShare.init))
  }
}

/// The environments' seeds: recordings and evaluations never share one.
enum EpisodeSeeds {
  /// Seeds of recordings have bit 30 clear, of evaluations set; all are below 2³¹, which every Gymnasium environment
  /// takes. Consecutive episodes have consecutive seeds.
  static func recording(_ seed: UInt64, _ episode: Int) -> UInt64 { start(seed, "record") + UInt64(episode) }
  static func evaluation(_ seed: UInt64, _ episode: Int) -> UInt64 {
    1 << 30 | start(seed, "evaluate") + UInt64(episode)
  }

  private static func start(_ seed: UInt64, _ name: String) -> UInt64 { Seed(seed).stream(name).value & 0x3fff_f000 }
}

extension EvaluationResult: CustomStringConvertible {
  public var description: String {
    let interval = if let low, let high { "\(shown(low)) to \(shown(high))" } else { "" }
    let table = TextTable(
      columns: ["player", "episodes", "different", "mean", "se", "min", "max", "95 % interval"],
      rows: [
        [
          player, "\(returns.count)", starts.map { "\($0.different)" } ?? "", shown(mean), se.map(shown) ?? "",
          shown(min), shown(max), interval,
        ]
      ])
    return ([table, starts, surprise] as [CustomStringConvertible?]).compactMap { $0?.description }
      .filter { !$0.isEmpty }.joined(separator: "\n")
  }
}
