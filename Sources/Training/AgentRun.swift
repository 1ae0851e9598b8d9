import Demonstrations
import Foundation
import Imitation
import Runs
import Settings
import Spaces
import Torch
import WorldModel

/// Learns a policy from expert episodes inside a world model, into a run's folder.
///
/// The folder holds the world model's weights too: an agent acts without anything else. Cloning from pixels has no
/// world model.
public enum AgentRun {
  /// Where an agent gets its encoders and memory from.
  public enum Source {
    /// The run of a finished world model.
    case worldModel(URL)
    /// Nowhere: cloning from pixels learns encoders of its own, of these sizes and statistics.
    case pixels(WorldModelConfiguration)
  }

  /// - Parameters:
  ///   - source: pixels for the method `bc`, and for it alone.
  ///   - data: a dataset of expert episodes in the environment the world model knows.
  ///   - useEpisodes: learn from the first so many; nil for all. Some later ones are then held out to validate on.
  ///   - mixed: datasets of any quality, in whose states dreams begin too.
  ///   - other: another agent's run, whose networks it begins with; nil for none.
  /// - Throws: for bad data or an output in use, before anything is written; and as `TrainingLoop`.
  public static func start(
    at output: URL, _ source: Source, data: URL, useEpisodes: Int?, mixed: [URL] = [],
    _ configuration: AgentConfiguration, seed: UInt64, from other: URL? = nil,
    _ compute: Compute
  ) throws {
    let prepared = try Prepared(output, source, [data] + mixed, useEpisodes, configuration, seed, compute)
    var record = Record(kind: .agent, seed: seed, version: Build.version, started: Date(), details: prepared.details)
    if let other {
      let known = try Record(from: other, kind: .agent).details.worldModel?.fingerprint
      if known != prepared.details.worldModel?.fingerprint {
        Observer.warn("\(other.path): learned in another world model, whose states may mean something else")
      }
      record.from = try prepared.trainer.adopt(from: other, .agent)
    }
    let run = try RunFolder.create(
      at: output, configuration: prepared.world.yaml(.worldModel) + configuration.yaml(.agent), record: record)
    if let weights = prepared.weights {
      try AtomicFile.write(Safetensors.pieces(of: weights), to: output.appending(path: LoadedAgent.worldModelFile))
    }
    try train(prepared.trainer, configuration, prepared.details.actions, run, hasWeights: other != nil)
  }

  /// Measures what `start` would take; writes nothing but the encoded episodes, into the world model's run.
  public static func forecast(
    at output: URL, _ source: Source, data: URL, useEpisodes: Int?, mixed: [URL] = [],
    _ configuration: AgentConfiguration, seed: UInt64, _ compute: Compute
  ) throws -> Forecast {
    try Prepared(output, source, [data] + mixed, useEpisodes, configuration, seed, compute).trainer.forecast(
      steps: configuration.training.steps)
  }

  /// All that a run begins with.
  private struct Prepared {
    let trainer: any Trainer
    let world: WorldModelConfiguration
    let details: RunMetadata
    /// Of the world model, if there is one.
    let weights: NamedTensors?

    /// - Parameter data: the expert's, and others in whose states dreams begin.
    init(
      _ output: URL, _ source: Source, _ data: [URL], _ useEpisodes: Int?, _ configuration: AgentConfiguration,
      _ seed: UInt64, _ compute: Compute
    ) throws {
      try RunFolder.checkAvailable(output)
      let loaded: LoadedWorldModel? =
        switch source {
        case .worldModel(let url): try LoadedWorldModel(at: url, on: compute.device)
        case .pixels: nil
        }
      precondition(
        (loaded == nil) == (configuration.method == .bc),
        "method '\(configuration.method)' does not learn from \(source)")
      let rewards = configuration.imitation.reward.weights.used
      if configuration.method.dreams, rewards.allSatisfy({ $0.weight < 0 }) {
        Observer.warn("no reward has a weight above 0: the agent is trained away from the expert")
      }
      try configuration.checkMixed(data.dropFirst())
      world =
        switch source {
        case .worldModel: loaded!.configuration
        case .pixels(let configured): configured
        }
      let seeing = world.observation
      let datasets = try data.map { try Dataset(at: $0, seeing: seeing) }
      let dataset = datasets[0]
      let count = useEpisodes ?? dataset.episodes.count
      guard count <= dataset.episodes.count else {
        throw ExperimentError.tooFewEpisodes(dataset: dataset.name, wanted: count, found: dataset.episodes.count)
      }
      let (actions, notes) =
        if let known = loaded?.record.details.actions {
          (
            known,
            try datasets.allSatisfy { $0.actions.fits(known) } ? datasets.numbers(beyond: known, world.actions) : []
          )
        } else {
          try datasets.learnedActions(world.actions)
        }
      notes.forEach(Observer.warn)
      weights = loaded?.weights
      details = RunMetadata(
        device: compute.device, precision: compute.precision, threads: Libtorch.threads,
        data: zip(data, datasets).map { .init($1, at: $0) },
        try loaded?.record.details.observation ?? dataset.supportedObservation, of: dataset.view.changed, actions,
        useEpisodes: count,
        worldModel: loaded.map { .init(path: $0.url.standardizedFileURL.path, fingerprint: $0.fingerprint) },
        weights: weights.map { Safetensors.checksum(of: $0) },
        usualSurprise: try loaded.flatMap { try Surprise.bounds(of: $0.url) })
      trainer =
        if let loaded {
          try LatentTrainer(loaded, datasets, configuration, details, seed: Seed(seed), output)
        } else {
          try SequenceTrainer(cloning: dataset, world, configuration, details, seed: Seed(seed))
        }
      try Interruption.check("\(output.path): stopped before its first step; the same command begins it again")
    }
  }

  /// Another run's configuration, as a layer for one that begins with its networks.
  /// - Throws: `RunError`.
  public static func layers(of other: URL) throws -> [Preset] {
    try [AgentConfiguration.beforeSomeSettings] + Record(from: other, kind: .agent).layers(in: other)
  }

  /// Goes on with a run from its newest good checkpoint.
  /// - Parameters:
  ///   - threads: to compute with; nil for as many as it began with, without which its bits differ.
  ///   - steps: that it makes beyond those it was to make; see `RunRecord.extend`.
  /// - Throws: `RunError`; `ExperimentError.dataChanged` where the dataset or the world model is not what it was.
  public static func resume(at output: URL, threads: Int? = nil, extendedBy steps: Int? = nil) throws {
    let run = try RunFolder.open(at: output)
    let (trainer, configuration, actions) = try Record.extending(
      output, .agent, by: steps, AgentConfiguration.self, \.training
    ) { try reopened(output, threads) }
    try train(trainer, configuration, actions, run, from: Record(from: output, kind: .agent).from)
  }

  /// The trainer of a run, as it was before its first step.
  static func trainer(of run: URL, threads: Int?) throws -> any Trainer { try reopened(run, threads).trainer }

  private static func reopened(_ output: URL, _ threads: Int?) throws -> (
    trainer: any Trainer, configuration: AgentConfiguration, actions: ActionSpace
  ) {
    let record = try Record(from: output, kind: .agent)
    let configuration = try AgentConfiguration.stored(record.layers(in: output))
    _ = try record.details.device.required()
    Libtorch.set(threads: threads, begunWith: record.details.threads)
    let seed = Seed(record.seed)
    let world = try WorldModelConfiguration.load(.worldModel, from: record.layers(in: output))
    let datasets = try record.details.openData(seeing: world.observation)
    guard let dataset = datasets.first else {
      throw RunError.damagedRun(output.path, reason: "its run.json names no data")
    }
    guard record.details.useEpisodes <= dataset.episodes.count else {
      throw ExperimentError.tooFewEpisodes(
        dataset: dataset.name, wanted: record.details.useEpisodes, found: dataset.episodes.count)
    }
    let trainer: any Trainer
    if let source = record.details.worldModel {
      let own = output.appending(path: LoadedAgent.worldModelFile)
      let loaded: LoadedWorldModel
      if FileManager.default.fileExists(atPath: own.path) {
        loaded = try LoadedWorldModel(weights: own, record, source, on: record.details.device)
      } else {
        loaded = try LoadedWorldModel(at: URL(fileURLWithPath: source.path), on: record.details.device)
        guard loaded.fingerprint == source.fingerprint else {
          throw ExperimentError.dataChanged(source.path, difference: "other weights")
        }
        try AtomicFile.write(Safetensors.pieces(of: loaded.weights), to: own)
      }
      trainer = try LatentTrainer(loaded, datasets, configuration, record.details, seed: seed, output)
    } else {
      trainer = try SequenceTrainer(cloning: dataset, world, configuration, record.details, seed: seed)
    }
    return (trainer, configuration, record.details.actions)
  }

  private static func train(
    _ trainer: any Trainer, _ configuration: AgentConfiguration, _ actions: ActionSpace, _ run: RunFolder,
    hasWeights: Bool = false, from: String? = nil
  ) throws {
    let dreams = configuration.method.dreams
    let loop = TrainingLoop(
      trainer: trainer, run: run, configuration: configuration.training, label: "agent",
      shown: [
        ("reward", "reward/mean"), ("agreement", "actor/agreement"), ("entropy", "actor/entropy"),
        ("discriminator", "discriminator/accuracy"),
      ],
      alarms: [.discriminator] + (dreams ? [.entropy(of: actions)] : []), hasWeights: hasWeights, from: from)
    try loop()
  }
}

extension AgentConfiguration {
  /// - Throws: `ExperimentError.notAnOption` where dreams that begin in other recordings' states would be compared with
  ///   what the expert did elsewhere, or there are no dreams.
  fileprivate func checkMixed(_ data: some Collection<URL>) throws {
    guard !data.isEmpty else { return }
    let weights = imitation.reward.weights
    guard method.dreams, !weights.used.contains(where: \.kind.comparesSteps) else {
      throw ExperimentError.notAnOption(
        "--mixed-data with \(method.dreams ? "a reward that compares each step with the expert's" : "method '\(method)'")",
        allowed:
          "it goes with rewards that look at all of the expert: --method dgail, or --reward \(RewardKind.allCases.filter { !$0.comparesSteps }.map(\.name).joined(separator: ", "))"
      )
    }
  }
}

extension Trainer {
  /// Begins with the weights of another run's newest good checkpoint; says which that was.
  /// - Throws: `RunError`; `TorchError` where its networks have other sizes.
  func adopt(from run: URL, _ kind: RunKind) throws -> String {
    _ = try Record(from: run, kind: kind)
    let checkpoint = try Checkpoint.newest(of: run)
    try learner.adopt(Safetensors(at: checkpoint.url.appending(path: TrainingLoop.stateFile)))
    return try "\(run.standardizedFileURL.path), step \(checkpoint.step), \(checkpoint.fingerprint())"
  }
}
