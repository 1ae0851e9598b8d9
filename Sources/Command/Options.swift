import ArgumentParser
import Environments
import Evaluation
import Foundation
import Imitation
import Runs
import Settings
import Studies
import Torch
import Training

extension Device: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}
extension ActionChoice: ExpressibleByArgument {}
extension Method: ExpressibleByArgument {}
extension Selection: ExpressibleByArgument {}
extension RewardKind: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
  public static var allValueStrings: [String] { allCases.map(\.name) }
}
extension ReportAxis: ExpressibleByArgument {}

/// Where and how to compute.
struct ComputeOptions: ParsableArguments {
  @Option(help: "Where to compute (default: cpu); there is no silent fallback.") var device: Device?
  @Option(help: "Precision of matrix products and convolutions (default: f32).") var dtype: Precision?
  @Option(help: "Threads to compute with (default: as many as cores).") var threads: Int?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads), must be from 1 to 1024")
    }
    let kernels = ProcessInfo.processInfo.environment["DITTO_KERNELS"] ?? ""
    guard ["", "on", "off"].contains(kernels) else {
      throw ValidationError("DITTO_KERNELS is '\(kernels)' in the environment, must be on or off")
    }
  }

  /// Sets the process up for training.
  func apply() throws -> Compute {
    Libtorch.keepMemory()
    if let threads { Libtorch.set(threads: threads) }
    return Compute(device: try (device ?? .cpu).required(), precision: dtype ?? .f32)
  }
}

/// Settings from presets, files and the command line.
struct ConfigurationOptions: ParsableArguments {
  @Option(
    parsing: .singleValue,
    help: .init(
      "Preset, YAML file, or - for standard input; may be given several times, later ones win. Presets: \(Presets.names.joined(separator: ", ")).",
      valueName: "preset|file|-"))
  var config: [String] = []
  @Option(
    name: .customLong("set"), parsing: .singleValue,
    help: .init("One setting, such as training.steps=1000; may be given several times.", valueName: "key=value"))
  var overrides: [String] = []

  func load<C: Configuration>(_ section: ConfigurationSection, over base: [Preset] = []) throws -> C {
    try C.load(section, from: base + Presets.layers(config), overrides: overrides, note: Self.tell)
  }

  static func tell(_ former: FormerSetting, _ text: String) { Console.say(text) }
}

/// Who plays, and where.
struct PlayerOptions: ParsableArguments {
  @Option(help: "'road', or 'gym:ID' for a Gymnasium environment, such as gym:ALE/Pong-v5.") var environment: String
  @Option(
    parsing: .singleValue,
    help: .init(
      "What a Gymnasium environment is made with besides, such as continuous=false; may be given several times.",
      valueName: "name=value"))
  var environmentArgument: [String] = []
  @Option(
    help: .init(
      "The most episodes side by side, each an instance of the environment in one process (default: 20, or 8 to record).",
      valueName: "number"))
  var instances: Int?
  @Option(help: .init("How long a reset or a step of all instances may take.", valueName: "seconds"))
  var patience = 120.0
  @Option(help: "How an agent chooses its actions: sampled or best (default: as its configuration says).") var actions:
    ActionChoice?
  @Option(help: "An agent's checkpoint of this gradient step (default: the one that its configuration selects).")
  var step: Int?

  /// The player called `name`: scripted, random, or the agent of a run's folder; and the pipeline of the pixels it
  /// sees.
  func player(
    _ name: String, _ configuration: ConfigurationOptions, seed: UInt64, _ compute: Compute
  ) throws -> (player: Player, pipeline: PixelPipeline, facts: AgentMetadata?) {
    switch name {
    case "scripted", "random":
      let base = Preset(
        name: environment,
        yaml: try { () -> String in
          var usual = WorldModelConfiguration()
          usual.pipeline = PixelPipeline(for: environment)
          return try usual.yaml(.worldModel)
        }())
      let world: WorldModelConfiguration = try configuration.load(.worldModel, over: [base])
      return (name == "random" ? .random : .scripted, with(environmentArgument, world.pipeline), nil)
    default:
      guard configuration.config.isEmpty, configuration.overrides.isEmpty else {
        throw ValidationError(
          "an agent sees the pixels it was trained on; --config and --set go with 'scripted' and 'random' only")
      }
      let loaded = try LoadedAgent(at: URL(fileURLWithPath: name), step: step, actions: actions, seed: seed, compute)
      loaded.agent.usualSurprise = loaded.usualSurprise
      return (.agent(loaded.agent), with(environmentArgument, loaded.pipeline), loaded.facts)
    }
  }

  var hosting: Hosting { Hosting(instances: instances, patience: .seconds(patience)) }

  func validate() throws {
    if let instances, !(1...1000).contains(instances) {
      throw ValidationError("--instances is \(instances), must be from 1 to 1000")
    }
    guard environmentArgument.isEmpty || environment.hasPrefix("gym:") else {
      throw ValidationError("--environment-argument is for Gymnasium environments; '\(environment)' takes none")
    }
    guard patience > 0, patience <= 1e6 else {
      throw ValidationError("--patience is \(patience), must be seconds above 0, at most 1000000")
    }
  }

  private func with(_ arguments: [String], _ pipeline: PixelPipeline) -> PixelPipeline {
    var pipeline = pipeline
    pipeline.arguments += arguments
    return pipeline
  }
}

/// Prints a result, as a table or as one JSON document, in which numbers that are not finite are null.
/// - Throws: as `printResult` of text.
func printResult(_ result: some Encodable & CustomStringConvertible, json: Bool) throws {
  guard json else { return try printResult("\(result)") }
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  // JSON has no such numbers, and the encoder only words for them: one that no name or path can be.
  encoder.nonConformingFloatEncodingStrategy = .convertToString(
    positiveInfinity: "\0", negativeInfinity: "\0", nan: "\0")
  try printResult(String(decoding: encoder.encode(result), as: UTF8.self).replacing(#""\u0000""#, with: "null"))
}

/// Writes a line to standard output. Where nobody reads it any more, as after `| head`, the process ends as others do.
/// - Throws: `RunError.cannotWrite`.
func printResult(_ line: String) throws {
  signal(SIGPIPE, SIG_DFL)
  defer { signal(SIGPIPE, SIG_IGN) }
  try AtomicFile.writeAll(
    Data((Console.printable(line) + "\n").utf8), to: STDOUT_FILENO, of: URL(fileURLWithPath: "/dev/stdout"))
}
