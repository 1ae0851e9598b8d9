import ArgumentParser
import Demonstrations
import Foundation
import Runs
import Studies
import Training

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "Does the whole job on the built-in road: records, learns, evaluates, reports.",
    discussion: "Started again after an interruption with the same --output, it goes on where it stopped.")

  @Option(help: .init("Where everything is written.", valueName: "folder")) var output = "runs/demo"
  @Option(help: "Where all randomness starts.") var seed: UInt64 = 1
  @Option(
    parsing: .singleValue,
    help: .init("Preset or YAML file, over the presets 'road' and 'scratch'.", valueName: "preset|file"))
  var config: [String] = []
  @OptionGroup var compute: ComputeOptions

  func run() throws {
    Interruption.watch()
    let results = try Demo(
      output: URL(fileURLWithPath: output), seed: seed, layers: Presets.layers(config), compute: compute.apply(),
      threads: compute.threads
    ).run()
    try printResult("\(results)")
    Console.say(
      """

      Written to \(output):
        results.json   these numbers, every return, and the configuration
        dream.gif      what the world model dreams beside the truth
        data/          the recordings: expert and mixed
        world-model/   the world model's run, with metrics for TensorBoard
        agent/         the agent's run: try 'ditto evaluate \(output)/agent --environment road --video drive.gif'
      """)
  }
}
