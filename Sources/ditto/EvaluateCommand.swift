import ArgumentParser
import Experiments
import Foundation

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "evaluate", abstract: "Plays whole episodes and measures the returns.")

  @Argument(help: .init("Who plays.", valueName: "scripted|random|run")) var player: String
  @OptionGroup var players: PlayerOptions
  @Option(help: "How many episodes.") var episodes = 20
  @Option(help: "Where the episodes' and the player's randomness starts.") var seed: UInt64 = 0
  @Flag(help: "Print one JSON document.") var json = false
  @Option(help: .init("Write the first episode as an animated GIF.", valueName: "file.gif")) var video: String?
  @OptionGroup var settings: ConfigurationOptions
  @OptionGroup var compute: ComputeOptions

  func run() throws {
    guard episodes >= 1 else { throw ValidationError("--episodes is \(episodes), must be at least 1") }
    let (chosen, pipeline, actions) = try players.player(player, settings, seed: seed, compute.apply())
    var progress = ProgressLine("evaluating", total: episodes, unit: "episodes")
    var movie: Data?
    let result = try Evaluation(environment: players.environment, pipeline: pipeline, episodes: episodes, seed: seed).run(
      chosen, named: player, actions: actions?.rawValue, keepsFrames: video != nil
    ) { episode in
      if episode.index == 0, video != nil { movie = episode.gif() }
      progress.update(episode.index + 1)
    }
    progress.finish()
    if json { try printJSON(result) } else { print(result) }
    guard let video else { return }
    guard let movie else { throw ValidationError("--video shows square frames of one channel only") }
    try AtomicFile.write(movie, to: URL(fileURLWithPath: video))
  }
}
