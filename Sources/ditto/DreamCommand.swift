import ArgumentParser
import Demonstrations
import Experiments
import Foundation

struct DreamCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dream", abstract: "Draws what a world model dreams beside what was recorded: truth, model and error.")

  @Argument(help: .init("A world model's run.", valueName: "run")) var worldModel: String
  @Option(help: .init("A dataset of its environment.", valueName: "dataset")) var data: String
  @Option(help: "Which episode (default: the first that is long enough).") var episode: Int?
  @Option(help: "Frames seen before the dream.") var context = 10
  @Option(help: "Frames dreamed.") var steps = 50
  @Option(help: "Of the dream's draws.") var seed: UInt64 = 0
  @Option(help: .init("The animated picture.", valueName: "file.gif")) var output: String

  func run() throws {
    guard context >= 1, steps >= 1 else { throw ValidationError("--context and --steps must be at least 1") }
    let world = try LoadedWorldModel(at: URL(fileURLWithPath: worldModel))
    let movie = DreamMovie(context: context, steps: steps, seed: seed)
    let gif = try movie.gif(of: world, Dataset(at: URL(fileURLWithPath: data)), episode: episode)
    try AtomicFile.write(gif, to: URL(fileURLWithPath: output))
    Console.say("wrote \(output)")
  }
}
