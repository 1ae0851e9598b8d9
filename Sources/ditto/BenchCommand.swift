import ArgumentParser
import Configuration
import Experiments
import Torch

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "bench", abstract: "Measures gradient steps on made-up data.")

  enum Work: String, ExpressibleByArgument, CaseIterable {
    case worldModel = "world-model"
    case agent
  }

  @Argument(help: "What to measure.") var work: Work
  @Option(help: "Steps that are measured, after two to warm up.") var repeats = 3
  @Option(help: "Side length of frames in pixels: 32 or 64.") var side = 64
  @Flag(help: "Print one JSON document.") var json = false
  @Option(parsing: .singleValue, help: .init("Preset or YAML file.", valueName: "preset|file")) var config: [String] = []
  @OptionGroup var compute: ComputeOptions

  func run() throws {
    guard repeats >= 1 else { throw ValidationError("--repeats is \(repeats), must be at least 1") }
    guard side == 32 || side == 64 else { throw ValidationError("--side is \(side), must be 32 or 64") }
    let chosen = try compute.apply()
    let world = try WorldModelConfiguration.load(.worldModel, from: Presets.layers(config))
    let agent = try AgentConfiguration.load(.agent, from: Presets.layers(config))
    let result = switch work {
    case .worldModel: Benchmark.worldModel(world, side: side, precision: chosen.precision, device: chosen.device, repeats: repeats)
    case .agent: try Benchmark.agent(world, agent.imitation, side: side, precision: chosen.precision, device: chosen.device, repeats: repeats)
    }
    if json { try printJSON(result) } else { print(result) }
  }
}
