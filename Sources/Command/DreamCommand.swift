import ArgumentParser
import Demonstrations
import Foundation
import Runs
import Studies
import Training

struct DreamCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dream", abstract: "Draws what a world model dreams beside what was recorded: truth, model and error.")

  @Argument(help: .init("A world model's run.", valueName: "run")) var worldModel: String
  @Option(help: .init("A dataset of its environment.", valueName: "dataset")) var data: String
  @Option(help: "Which episode (default: the first that is long enough).") var episode: Int?
  @Option(help: "Frames seen before the dream.") var context = DreamMovie().context
  @Option(help: "Frames dreamed.") var steps = DreamMovie().steps
  @Option(help: "Of the dream's draws.") var seed = DreamMovie().seed
  @Option(help: .init("The animated picture: GIF in grey, or PNG in colour.", valueName: "file.gif|file.png"))
  var output: String
  @OptionGroup var compute: ComputeOptions

  func run() throws {
    guard (1...100_000).contains(context), (1...100_000).contains(steps) else {
      throw ValidationError("--context and --steps must be from 1 to 100000")
    }
    let place = URL(fileURLWithPath: output)
    try AtomicFile.checkPlace(of: place, as: Animation.formats)
    let compute = try compute.apply()
    let world = try LoadedWorldModel(at: URL(fileURLWithPath: worldModel), on: compute.device)
    var movie = DreamMovie()
    (movie.context, movie.steps, movie.seed) = (context, steps, seed)
    let dream = try movie.animation(
      of: world, Dataset(at: URL(fileURLWithPath: data), seeing: world.configuration.observation), episode: episode,
      compute.precision)
    try AtomicFile.write(dream.data(for: place), to: place)
    Console.say("wrote \(output)")
  }
}
