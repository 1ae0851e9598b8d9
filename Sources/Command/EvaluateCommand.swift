import ArgumentParser
import Environments
import Evaluation
import Foundation
import Imitation
import Runs
import Studies
import Training

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Plays whole episodes and measures the returns.")

  @Argument(help: .init("Who plays.", valueName: "scripted|random|run")) var player: String
  @OptionGroup var players: PlayerOptions
  @Option(help: "How many episodes.") var episodes = 20
  @Option(help: "Where the episodes' and the player's randomness starts.") var seed: UInt64 = 0
  @Flag(help: "Print one JSON document.") var json = false
  @Option(
    help: .init(
      "Play the same episodes with this player too, and test whether the returns differ.",
      valueName: "scripted|random|run"))
  var against: String?
  @Option(
    help: .init(
      "Write the first episode as an animated GIF, in grey, or PNG, in colour.", valueName: "file.gif|file.png"))
  var video: String?
  @Option(
    help: .init(
      "Begin each episode after a number of random actions between these two (default: as the pixel pipeline says; 0:60 in Atari games). Steps in which a deterministic environment ignores actions at first are added.",
      valueName: "least:most"))
  var randomSteps: String?
  @Option(
    help: .init(
      "Cut episodes after so many steps (default: where the environment does, and after 100000 where it never does).",
      valueName: "steps"))
  var maxSteps: Int?
  @OptionGroup var settings: ConfigurationOptions
  @OptionGroup var compute: ComputeOptions

  func run() throws {
    guard (1...10_000_000).contains(episodes) else {
      throw ValidationError("--episodes is \(episodes), must be from 1 to 10000000")
    }
    if let maxSteps, !(1...10_000_000).contains(maxSteps) {
      throw ValidationError("--max-steps is \(maxSteps), must be from 1 to 10000000")
    }
    if let video { try AtomicFile.checkPlace(of: URL(fileURLWithPath: video), as: Animation.formats) }
    _ = try randomStart()
    let compute = try compute.apply()
    let chosen = try players.player(player, settings, seed: seed, compute)
    let other = try against.map { name in (name, try players.player(name, settings, seed: seed, compute)) }
    var movie: Animation?
    let result = try played(player, chosen.player, chosen.pipeline, chosen.facts, keepsFrames: video != nil) {
      movie = $0.animation
    }
    let compared = try other.map { name, other in
      // Who brings no pixels of its own sees those of the first.
      try played(name, other.player, other.facts == nil ? chosen.pipeline : other.pipeline, other.facts)
    }
    try printResult(EvaluationReport(result, against: compared), json: json)
    guard let video, let movie else { return }
    let place = URL(fileURLWithPath: video)
    try AtomicFile.write(movie.data(for: place), to: place)
  }

  private func randomStart() throws -> ClosedRange<Int>? {
    guard let randomSteps else { return nil }
    let bounds = randomSteps.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
    guard bounds.count == 2, let least = bounds[0], let most = bounds[1], 0 <= least, least <= most, most <= 1_000_000
    else {
      throw ValidationError("--random-steps is '\(randomSteps)', must be least:most, such as 0:60")
    }
    return least...most
  }

  private func played(
    _ name: String, _ player: Player, _ pipeline: PixelPipeline, _ facts: AgentMetadata?, keepsFrames: Bool = false,
    first: (PlayedEpisode) -> Void = { _ in }
  ) throws -> EvaluationResult {
    var pipeline = pipeline
    if let maxSteps { pipeline.maxEpisodeSteps = maxSteps }
    var evaluation = try Evaluation(
      environment: players.environment, pipeline: pipeline, episodes: episodes, seed: seed, randomStart: randomStart())
    (evaluation.hosting, evaluation.needsPictures) = (players.hosting, keepsFrames)
    return try evaluation.run(
      player, named: name, facts, keepsFrames: { keepsFrames && $0 == 0 }
    ) { episode in
      if episode.index == 0 { first(episode) }
    }
  }
}
