import ArgumentParser
import Demonstrations
import Foundation
import Imitation
import Runs
import Settings
import Studies
import Training

struct StudyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study",
    abstract: "Asks what a world model, a reward and agents are worth, before, beside and after training.",
    subcommands: [StudyWorldModel.self, StudySignal.self, StudyDrift.self, StudySelection.self, StudyLadder.self])
}

/// What studies take to say what they found.
struct StudyOptions: ParsableArguments {
  @Option(help: "Where all randomness starts.") var seed: UInt64 = 0
  @Flag(help: "Print one JSON document.") var json = false
  @Option(help: .init("Draw it too.", valueName: "file.svg")) var picture: String?
  @OptionGroup var compute: ComputeOptions

  /// Sets the process up, after a look whether the picture can be written once there is something to draw.
  func apply() throws -> Compute {
    if let picture { try AtomicFile.checkPlace(of: URL(fileURLWithPath: picture), as: [.svg]) }
    return try compute.apply()
  }

  func show(_ study: some Encodable & CustomStringConvertible, _ sampled: @autoclosure () -> String) throws {
    try printResult(study, json: json)
    if let picture { try AtomicFile.write(Data(sampled().utf8), to: URL(fileURLWithPath: picture)) }
  }
}

struct StudyWorldModel: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "world-model",
    abstract:
      "Whether a world model predicts, answers to actions, uses its latent state, and has seen what the expert sees.")

  @Option(help: .init("The run of a finished world model.", valueName: "folder")) var worldModel: String
  @Option(
    parsing: .singleValue,
    help: .init("A dataset of the same environment, of any quality; may be given several times.", valueName: "dataset"))
  var data: [String]
  @Option(
    help: .init(
      "A dataset of expert episodes, to ask how many of their states are like those that the model was trained on.",
      valueName: "dataset")) var expert: String?
  @Option(help: "Steps to dream.") var steps = 15
  @OptionGroup var options: StudyOptions

  func run() throws {
    guard (1...100_000).contains(steps) else { throw ValidationError("--steps is \(steps), must be from 1 to 100000") }
    let compute = try options.apply()
    let world = try LoadedWorldModel(at: URL(fileURLWithPath: worldModel), on: compute.device)
    let study = try WorldModelStudy(
      world, data: data.map { try Dataset(at: URL(fileURLWithPath: $0), seeing: world.configuration.observation) },
      expert: expert.map { try Dataset(at: URL(fileURLWithPath: $0), seeing: world.configuration.observation) },
      steps: steps, seed: options.seed, compute)
    try options.show(study, study.picture)
  }
}

struct StudySignal: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "signal",
    abstract: "What each reward says of the expert's, a cloned policy's and random actions in dreams, step by step.")

  @Option(help: .init("The run of a finished world model.", valueName: "folder")) var worldModel: String
  @Option(help: .init("A dataset of expert episodes.", valueName: "dataset")) var data: String
  @Option(help: "Learn from the first so many episodes (default: all but two); dreams start in the others.")
  var useEpisodes: Int?
  @Option(
    parsing: .singleValue, help: .init("A reward; may be given several times (default: all).", valueName: "reward"))
  var reward: [RewardKind] = []
  @OptionGroup var settings: ConfigurationOptions
  @OptionGroup var options: StudyOptions

  func run() throws {
    if let useEpisodes, useEpisodes < 1 {
      throw ValidationError("--use-episodes is \(useEpisodes), must be at least 1")
    }
    let compute = try options.apply()
    let configuration: AgentConfiguration = try settings.load(.agent)
    let world = try LoadedWorldModel(at: URL(fileURLWithPath: worldModel), on: compute.device)
    let dataset = try Dataset(at: URL(fileURLWithPath: data), seeing: world.configuration.observation)
    let study = try SignalStudy(
      world, dataset, useEpisodes: useEpisodes, rewards: reward.isEmpty ? RewardKind.allCases : reward, configuration,
      seed: options.seed, compute)
    try options.show(study, study.picture)
  }
}

struct StudySelection: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "selection",
    abstract: "How well the offline score ranks the checkpoints of agents. Plays each of them in the environment.")

  @Argument(
    help: .init("Agents' runs; training.keptCheckpoints says how many checkpoints they keep.", valueName: "run"))
  var runs: [String]
  @Option(help: "'road', or 'gym:ID' for a Gymnasium environment.") var environment: String
  @Option(help: "Episodes for each checkpoint.") var episodes = 20
  @Option(help: "Where all randomness starts.") var seed: UInt64 = 0
  @Flag(help: "Print one JSON document.") var json = false
  @Flag(
    help:
      "Let each run act with the checkpoint that returned most from now on. It is marked for it, and is no offline result any more."
  ) var adopt = false
  @OptionGroup var compute: ComputeOptions

  func run() throws {
    guard (1...10_000_000).contains(episodes) else {
      throw ValidationError("--episodes is \(episodes), must be from 1 to 10000000")
    }
    let named = runs.map { (name: $0, url: URL(fileURLWithPath: $0)) }
    try printResult(
      SelectionStudy(named, environment: environment, episodes: episodes, seed: seed, adopt: adopt, compute.apply()),
      json: json)
  }
}

struct StudyDrift: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drift",
    abstract:
      "How far agents are from the expert's latents along real episodes, step by step; plays in the environment.")

  @Argument(help: .init("Agents.", valueName: "run|name=run")) var agents: [String]
  @Option(help: .init("The run of a finished world model, which sees for all of them.", valueName: "folder"))
  var worldModel: String
  @Option(help: .init("A dataset of expert episodes, at least four.", valueName: "dataset")) var data: String
  @Option(help: "'road', or 'gym:ID' for a Gymnasium environment, such as gym:ALE/Pong-v5.") var environment: String
  @Option(help: "How many episodes each agent plays.") var episodes = 20
  @OptionGroup var options: StudyOptions

  func run() throws {
    guard (2...10_000_000).contains(episodes) else {
      throw ValidationError("--episodes is \(episodes), must be from 2 to 10000000")
    }
    let compute = try options.apply()
    let world = try LoadedWorldModel(at: URL(fileURLWithPath: worldModel), on: compute.device)
    let named = try agents.map { word in
      guard let named = NamedRuns(word), named.runs.count == 1 else {
        throw ValidationError("'\(word)' is not one run; write 'run', or 'name=run'")
      }
      return (named.name, try LoadedAgent(at: named.runs[0], seed: options.seed, compute))
    }
    let study = try DriftStudy(
      world, Dataset(at: URL(fileURLWithPath: data), seeing: world.configuration.observation), named,
      environment: environment, episodes: episodes, seed: options.seed, compute)
    try options.show(study, study.picture)
  }
}

struct StudyLadder: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ladder",
    abstract:
      "Where an agent loses what the expert has: clones, the best that the reward can teach, and its variants, played side by side."
  )

  @Argument(help: .init("Agents' runs; the first that learned in dreams is taken apart.", valueName: "run|name=run"))
  var runs: [String]
  @Option(help: "'road', or 'gym:ID' for a Gymnasium environment, such as gym:ALE/Pong-v5.") var environment: String
  @Option(help: "How many episodes each plays.") var episodes = 20
  @Option(
    parsing: .singleValue,
    help: "Let the agent go on after so many of the expert's first steps; may be given several times.") var after:
    [Int] = []
  @Option(help: "Where all randomness starts.") var seed: UInt64 = 0
  @Flag(help: "Print one JSON document.") var json = false
  @OptionGroup var compute: ComputeOptions

  func run() throws {
    guard (1...10_000_000).contains(episodes) else {
      throw ValidationError("--episodes is \(episodes), must be from 1 to 10000000")
    }
    if let wrong = after.first(where: { $0 < 1 }) { throw ValidationError("--after is \(wrong), must be at least 1") }
    let named = try runs.map { word in
      guard let named = NamedRuns(word), named.runs.count == 1 else {
        throw ValidationError("'\(word)' names no single run")
      }
      return (name: named.name, url: named.runs[0])
    }
    try printResult(
      LadderStudy(named, environment: environment, episodes: episodes, leads: after, seed: seed, compute.apply()),
      json: json)
  }
}
