import ArgumentParser
import Demonstrations
import Evaluation
import Foundation
import Runs

struct RecordCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "record", abstract: "Plays episodes and writes them as a dataset (Minari, HDF5).")

  @OptionGroup var players: PlayerOptions
  @Option(help: .init("Who plays.", valueName: "scripted|random|run")) var policy = "scripted"
  @Option(help: "Probabilities of a random action instead, taken in turn by the episodes: 0,0.1,0.5") var epsilon = "0"
  @Option(help: "How many episodes.") var episodes: Int
  @Option(help: .init("The dataset's folder.", valueName: "folder")) var output: String
  @Option(help: "Where all randomness starts.") var seed: UInt64 = 0
  @OptionGroup var settings: ConfigurationOptions
  @OptionGroup var compute: ComputeOptions

  func run() throws {
    let epsilons = epsilon.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
    guard epsilons.allSatisfy({ $0.map((0...1).contains) ?? false }) else {
      throw ValidationError("--epsilon is '\(epsilon)', must be probabilities between commas, such as 0,0.1,0.5")
    }
    guard (1...10_000_000).contains(episodes) else {
      throw ValidationError("--episodes is \(episodes), must be from 1 to 10000000")
    }
    Interruption.watch()
    let (player, pipeline, _) = try players.player(policy, settings, seed: seed, compute.apply())
    if pipeline.kind == .atari, settings.config.isEmpty, settings.overrides.isEmpty {
      Console.say(
        "pictures are \(pipeline.size)×\(pipeline.size), grey, of every \(pipeline.frameSkip)th frame, as is usual for Atari games; --set pipeline.kind=none keeps the game's own"
      )
    }
    var recording = Recording(
      environment: players.environment, pipeline: pipeline, episodes: episodes, epsilons: epsilons.map { $0! },
      seed: seed)
    recording.hosting = players.hosting
    let folder = URL(fileURLWithPath: output)
    try recording.run(player, named: policy, to: folder)
    if !folder.lastPathComponent.contains(/-v[0-9]+$/) {
      Console.warn(
        "\(output): Minari lists no dataset of a folder that holds one without a version in its name; call it \(folder.lastPathComponent)-v0 where Minari is to read it"
      )
    }
    Console.say("wrote \(episodes) episode\(episodes == 1 ? "" : "s") to \(output)")
  }
}
