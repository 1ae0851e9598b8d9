import ArgumentParser
import Foundation
import Runs
import Training

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract:
      "Makes a small folder of an agent that acts as its run does: weights in bf16, without what only training needs.")

  @Argument(help: .init("An agent's run.", valueName: "run")) var agent: String
  @Option(help: .init("The new folder.", valueName: "folder")) var output: String

  func run() throws {
    try Export.run(URL(fileURLWithPath: agent), to: URL(fileURLWithPath: output))
    Console.say("the agent is in \(output)")
  }
}
