import ArgumentParser
import Demonstrations
import Foundation
import Imitation
import Runs
import Settings
import Torch
import Training

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Learns a world model, or an agent inside one.",
    subcommands: [TrainWorldModel.self, TrainAgent.self])

  @Option(
    help: .init(
      "Instead of training: make the steps again that led a run out of the finite, from what it kept, and show the last of them.",
      valueName: "run/failures/step"))
  var replay: String?
  @Option(help: "For --replay: threads to compute with (default: as many as the run).") var threads: Int?
  @Flag(help: "For --replay: print one JSON document.") var json = false

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads), must be from 1 to 1024")
    }
  }

  func run() throws {
    guard let replay else {
      throw ValidationError(
        "name what to train: 'ditto train world-model' or 'ditto train agent'; see 'ditto train --help'")
    }
    Interruption.watch()
    Libtorch.keepMemory()
    try printResult(Failure.replay(URL(fileURLWithPath: replay), threads: threads), json: json)
  }
}

/// What both trainers take.
struct TrainOptions: ParsableArguments {
  @Option(help: .init("The run's folder.", valueName: "folder")) var output: String
  @Option(help: "Where all randomness of the run starts (default: 0).") var seed: UInt64?
  @Flag(
    help: "Go on with the run in --output from its newest good checkpoint, with its own configuration, data and seed.")
  var resume = false
  @Option(help: .init("With --resume: make so many steps beyond those that the run was to make.", valueName: "steps"))
  var extend: Int?
  @Option(
    help: .init(
      "Begin with the weights of another run, and with its configuration below --config and --set; its optimiser, step and schedules begin anew.",
      valueName: "run"))
  var from: String?
  @Flag(help: "Only make a few steps and say what the run would take, in time and memory.") var dryRun = false
  @OptionGroup var settings: ConfigurationOptions
  @OptionGroup var compute: ComputeOptions

  var url: URL { URL(fileURLWithPath: output) }
  var other: URL? { from.map { URL(fileURLWithPath: $0) } }

  func validate() throws {
    if let extend, extend < 1 { throw ValidationError("--extend is \(extend), must be at least 1") }
    guard extend == nil || resume else {
      throw ValidationError("--extend goes with --resume; where a run begins, set training.steps")
    }
  }

  /// - Throws: where something is given that a resumed run already has.
  func checkResumes(without given: [(option: String, isGiven: Bool)]) throws {
    let all =
      given + [
        ("--dry-run", dryRun), ("--from", from != nil), ("--seed", seed != nil), ("--device", compute.device != nil),
        ("--dtype", compute.dtype != nil), ("--config", !settings.config.isEmpty),
        ("--set", !settings.overrides.isEmpty),
      ]
    if let extra = all.first(where: \.isGiven) {
      throw ValidationError("--resume goes on with the run as it was begun; leave out \(extra.option)")
    }
  }
}

struct TrainWorldModel: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "world-model", abstract: "Learns a world model from recordings of any quality.")

  @Option(parsing: .singleValue, help: .init("A dataset's folder; may be given several times.", valueName: "dataset"))
  var data: [String] = []
  @OptionGroup var options: TrainOptions

  func run() throws {
    Interruption.watch()
    let compute = try options.compute.apply()
    if options.resume {
      try options.checkResumes(without: [("--data", !data.isEmpty)])
      try WorldModelRun.resume(at: options.url, threads: options.compute.threads, extendedBy: options.extend)
    } else {
      guard !data.isEmpty else { throw ValidationError("--data is missing: name a dataset's folder") }
      let folders = data.map { URL(fileURLWithPath: $0) }
      let configuration: WorldModelConfiguration = try options.settings.load(
        .worldModel, over: WorldModelRun.pipelineLayer(of: folders) + (options.other.map(WorldModelRun.layers) ?? []))
      if options.dryRun {
        return try printResult(
          "\(WorldModelRun.forecast(at: options.url, data: folders, configuration, seed: options.seed ?? 0, compute))")
      }
      try WorldModelRun.start(
        at: options.url, data: folders, configuration, seed: options.seed ?? 0, from: options.other, compute)
    }
    Console.say("the world model is in \(options.output)")
  }
}

struct TrainAgent: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agent", abstract: "Learns a policy from expert episodes, inside a world model.")

  @Option(help: "How to learn (default: ditto).") var method: Method?
  @Option(
    parsing: .singleValue,
    help: .init(
      "What dreams are rewarded for, instead of the method's own: \(RewardKind.allCases.map(\.name).joined(separator: ", ")); or a sum, such as dot=1,gail=0.5.",
      valueName: "reward"))
  var reward: [String] = []
  @Option(
    help:
      "Which checkpoint the agent acts with: last, or offline, the one that did best on episodes held out (default: last)."
  ) var select: Selection?
  @Option(help: .init("The run of a finished world model.", valueName: "folder")) var worldModel: String?
  @Option(help: .init("A dataset of expert episodes.", valueName: "dataset")) var data: String?
  @Option(help: "Learn from the first so many episodes (default: all); some later ones are held out to validate on.")
  var useEpisodes: Int?
  @Option(
    parsing: .singleValue,
    help: .init(
      "A dataset of any quality, such as the world model's: dreams begin in its states too, with rewards that look at all of the expert; may be given several times.",
      valueName: "dataset"))
  var mixedData: [String] = []
  @OptionGroup var options: TrainOptions

  func run() throws {
    Interruption.watch()
    let compute = try options.compute.apply()
    if options.resume {
      try options.checkResumes(without: [
        ("--data", data != nil), ("--world-model", worldModel != nil), ("--use-episodes", useEpisodes != nil),
        ("--mixed-data", !mixedData.isEmpty), ("--method", method != nil), ("--reward", !reward.isEmpty),
        ("--select", select != nil),
      ])
      try AgentRun.resume(at: options.url, threads: options.compute.threads, extendedBy: options.extend)
    } else {
      guard let data else { throw ValidationError("--data is missing: name a dataset of expert episodes") }
      if let useEpisodes, useEpisodes < 1 {
        throw ValidationError("--use-episodes is \(useEpisodes), must be at least 1")
      }
      let configuration = try AgentConfiguration.load(
        (options.other.map(AgentRun.layers) ?? []) + Presets.layers(options.settings.config) + optionLayers(),
        overrides: options.settings.overrides.filter { !Self.isOfWorld($0) }, note: ConfigurationOptions.tell)
      let worlds = options.settings.overrides.filter(Self.isOfWorld)
      if configuration.method != .bc, let setting = worlds.first {
        throw ValidationError(
          "--set \(setting) is a setting of the world model, which the agent takes as it is; train another with it")
      }
      if !reward.isEmpty, configuration.method == .bc || configuration.method == .dbc {
        throw ValidationError(
          "--reward is for ditto and dgail; method '\(configuration.method)' clones, and is rewarded for nothing")
      }
      let mixed = mixedData.map { URL(fileURLWithPath: $0) }
      let (expert, source) = (
        URL(fileURLWithPath: data), try source(configuration.method, expert: URL(fileURLWithPath: data), worlds)
      )
      if options.dryRun {
        return try printResult(
          "\(AgentRun.forecast(at: options.url, source, data: expert, useEpisodes: useEpisodes, mixed: mixed, configuration, seed: options.seed ?? 0, compute))"
        )
      }
      try AgentRun.start(
        at: options.url, source, data: expert, useEpisodes: useEpisodes, mixed: mixed, configuration,
        seed: options.seed ?? 0, from: options.other, compute)
    }
    Console.say("the agent is in \(options.output)")
  }

  /// Whether `key=value` is a setting of a world model, which agents do not have.
  private static func isOfWorld(_ setting: String) -> Bool {
    ["model.", "pixels.", "pipeline.", "observation.", "actions."].contains { setting.hasPrefix($0) }
  }

  private func source(_ method: Method, expert: URL, _ overrides: [String]) throws -> AgentRun.Source {
    if method == .bc {
      guard worldModel == nil else {
        throw ValidationError("method 'bc' clones from pixels, without a world model; leave out --world-model")
      }
      return .pixels(
        try .load(
          .worldModel,
          from: WorldModelRun.pipelineLayer(of: [expert]) + (options.other.map(AgentRun.layers) ?? [])
            + Presets.layers(options.settings.config),
          overrides: overrides, note: ConfigurationOptions.tell))
    }
    guard let worldModel else {
      throw ValidationError("--world-model is missing: name the run of a finished world model")
    }
    return .worldModel(URL(fileURLWithPath: worldModel))
  }

  /// What `--method`, `--select` and `--reward` stand for.
  private func optionLayers() throws -> [Preset] {
    var layers: [Preset] = []
    if let method { layers.append(Preset(name: "--method \(method)", yaml: "agent: {method: \(method)}")) }
    if let select { layers.append(Preset(name: "--select \(select)", yaml: "agent: {selection: \(select)}")) }
    guard reward.count <= 1 else {
      throw ValidationError("--reward is given \(reward.count) times; give the sum once, such as dot=1,gail=0.5")
    }
    if let reward = reward.first {
      guard let weights = RewardWeights(sum: reward) else {
        throw ValidationError(
          "--reward is '\(reward)', must be one of \(RewardKind.allCases.map(\.name).joined(separator: ", ")), or a sum such as dot=1,gail=0.5"
        )
      }
      let all = RewardKind.allCases.map { "\($0): \(weights[$0])" }.joined(separator: ", ")
      layers.append(Preset(name: "--reward \(reward)", yaml: "agent: {imitation: {reward: {weights: {\(all)}}}}"))
    }
    return layers
  }
}
