import Configuration
import Demonstrations
import Foundation
import Imitation
import Spaces
import Torch
import WorldModel

/// Learns a policy from expert episodes inside a world model, into a run's folder.
///
/// The folder holds the world model's weights too: an agent acts without anything else. Cloning from pixels has no world model.
public enum AgentRun {
  /// Where an agent gets its eyes and memory from.
  public enum Source {
    /// The run of a finished world model.
    case worldModel(URL)
    /// Nowhere: cloning from pixels learns eyes of its own, of these sizes and statistics.
    case pixels(WorldModelConfiguration)
  }

  /// - Parameters:
  ///   - source: pixels for the method `bc`, and for it alone.
  ///   - data: a dataset of expert episodes in the environment the world model knows.
  ///   - useEpisodes: learn from the first so many; nil for all. Some later ones are then held out to validate on.
  /// - Throws: for bad data or an output in use, before anything is written; and as `TrainingLoop`.
  public static func start(
    at output: URL, _ source: Source, data: URL, useEpisodes: Int?, _ configuration: AgentConfiguration, seed: UInt64, _ compute: Compute
  ) throws {
    let prepared = try Prepared(output, source, data, useEpisodes, configuration, seed, compute)
    let run = try RunFolder.create(
      at: output, configuration: prepared.world.yaml(.worldModel) + configuration.yaml(.agent),
      record: Record(kind: .agent, seed: seed, version: Build.version, started: Date(), details: prepared.details))
    if let weights = prepared.weights { try AtomicFile.write(Safetensors.pieces(of: weights), to: output.appending(path: LoadedAgent.worldModelFile)) }
    try train(prepared.trainer, configuration, run)
  }

  /// Measures what `start` would take; writes nothing but the encoded episodes, into the world model's run.
  public static func forecast(
    at output: URL, _ source: Source, data: URL, useEpisodes: Int?, _ configuration: AgentConfiguration, seed: UInt64, _ compute: Compute
  ) throws -> Forecast {
    try Prepared(output, source, data, useEpisodes, configuration, seed, compute).trainer.forecast(steps: configuration.training.steps)
  }

  /// All that a run begins with.
  private struct Prepared {
    let trainer: any Trainer
    let world: WorldModelConfiguration
    let details: RunDetails
    /// Of the world model, if there is one.
    let weights: [(name: String, tensor: Tensor)]?

    init(
      _ output: URL, _ source: Source, _ data: URL, _ useEpisodes: Int?, _ configuration: AgentConfiguration, _ seed: UInt64, _ compute: Compute
    ) throws {
      try RunFolder.checkAvailable(output)
      let loaded: LoadedWorldModel? = switch source {
      case .worldModel(let url): try LoadedWorldModel(at: url, on: compute.device)
      case .pixels: nil
      }
      precondition((loaded == nil) == (configuration.method == .bc), "method '\(configuration.method)' does not learn from \(source)")
      let rewards = configuration.imitation.reward.weights.used
      if configuration.method == .ditto || configuration.method == .dgail, rewards.allSatisfy({ $0.weight < 0 }) {
        Console.warn("no reward has a weight above 0: the agent is trained away from the expert")
      }
      let dataset = try Dataset(at: data)
      let count = useEpisodes ?? dataset.episodes.count
      guard count <= dataset.episodes.count else {
        throw ExperimentError.tooFewEpisodes(dataset: dataset.name, wanted: count, found: dataset.episodes.count)
      }
      details = RunDetails(
        device: compute.device, precision: compute.precision, threads: Libtorch.threads,
        data: [.init(path: data.standardizedFileURL.path, fingerprint: dataset.fingerprint)],
        try loaded?.record.details.observation ?? dataset.supportedObservation, loaded?.record.details.actions ?? dataset.actions,
        useEpisodes: count, worldModel: loaded.map { .init(path: $0.url.standardizedFileURL.path, fingerprint: $0.fingerprint) })
      weights = loaded?.weights
      world = switch source {
      case .worldModel: loaded!.configuration
      case .pixels(let configured): configured
      }
      trainer = if let loaded {
        try LatentTrainer(loaded, dataset, configuration, details, seed: Seed(seed), output)
      } else {
        try PixelCloningTrainer(dataset, world, configuration, details, seed: Seed(seed))
      }
    }
  }

  /// Goes on with a run from its newest good checkpoint.
  /// - Parameter threads: to compute with; nil for as many as it began with, without which its bits differ.
  /// - Throws: `RunError`; `ExperimentError.dataChanged` where the dataset or the world model is not what it was.
  public static func resume(at output: URL, threads: Int? = nil) throws {
    let run = try RunFolder.open(at: output)
    let record = try Record(from: output, kind: .agent)
    let configuration = try AgentConfiguration.load(.agent, from: [record.configuration(in: output)])
    _ = try record.details.device.required()
    Libtorch.threads = threads ?? record.details.threads
    let seed = Seed(record.seed)
    guard let dataset = try record.details.openData().first else { throw RunError.damagedRun(output.path, reason: "its run.json names no data") }
    guard record.details.useEpisodes <= dataset.episodes.count else {
      throw ExperimentError.tooFewEpisodes(dataset: dataset.name, wanted: record.details.useEpisodes, found: dataset.episodes.count)
    }
    let trainer: any Trainer
    if let source = record.details.worldModel {
      let own = output.appending(path: LoadedAgent.worldModelFile)
      let loaded: LoadedWorldModel
      if FileManager.default.fileExists(atPath: own.path) {
        loaded = try LoadedWorldModel(weights: own, record, source)
      } else {
        loaded = try LoadedWorldModel(at: URL(fileURLWithPath: source.path), on: record.details.device)
        guard loaded.fingerprint == source.fingerprint else { throw ExperimentError.dataChanged(source.path) }
        try AtomicFile.write(Safetensors.pieces(of: loaded.weights), to: own)
      }
      trainer = try LatentTrainer(loaded, dataset, configuration, record.details, seed: seed, output)
    } else {
      let world = try WorldModelConfiguration.load(.worldModel, from: [record.configuration(in: output)])
      trainer = try PixelCloningTrainer(dataset, world, configuration, record.details, seed: seed)
    }
    try train(trainer, configuration, run)
  }

  private static func train(_ trainer: any Trainer, _ configuration: AgentConfiguration, _ run: RunFolder) throws {
    let loop = TrainingLoop(
      trainer: trainer, run: run, configuration: configuration.training, label: "agent",
      shown: [("reward", "reward/mean"), ("agreement", "actor/agreement"), ("entropy", "actor/entropy"), ("discriminator", "discriminator/accuracy")],
      alarms: [
        "discriminator/collapsed":
          "the discriminator tells nearly all dreams from the expert, and what it rewards says next to nothing; see discriminator/* in the metrics, and docs/methods/dgail.md"
      ])
    try loop()
  }

  /// Drives a learner of any method with the expert's latents.
  private final class LatentTrainer: Trainer {
    private let learner: any LatentLearner
    private let validation: AgentValidation?
    private let steps: Int
    let fittingSeconds: Double

    /// - Throws: `Interrupted` after a signal while rewards are fitted.
    init(_ loaded: LoadedWorldModel, _ dataset: Dataset, _ configuration: AgentConfiguration, _ details: RunDetails, seed: Seed, _ output: URL) throws {
      try dataset.checkFits(details.observation, details.actions)
      let imitation = configuration.imitation
      let latents = { (episodes: Range<Int>, restarts: Restarts?) in
        try LatentCache(loaded, details.precision).latents(of: dataset, episodes: episodes, restarts: restarts, on: details.device)
      }
      let interval = imitation.restartInterval
      let expert = try latents(0..<details.useEpisodes, nil)
      let starts = interval == 0 ? expert : try latents(0..<details.useEpisodes, Restarts(interval: interval, length: 2 * imitation.windowSteps))
      let heldOut = details.useEpisodes..<min(details.useEpisodes + configuration.validationEpisodes, dataset.episodes.count)
      let longest = heldOut.map { dataset.episodes[$0].length }.max() ?? 0
      guard longest >= imitation.horizon || configuration.selection != .offline else { throw ExperimentError.nothingHeldOut(dataset.name) }
      if longest > 0, longest < imitation.horizon { Console.warn("the episodes held out are shorter than the horizon; there is no validation") }
      let copies = try dataset.copies(in: heldOut, of: 0..<details.useEpisodes)
      if !copies.isEmpty { Console.warn("held-out episodes \(copies) are the same as such that are learned from; validation says nothing new of them") }
      let validated = longest < imitation.horizon ? nil : try latents(heldOut, nil)
      loaded.model.freeze(computingIn: details.precision)
      let begun = ProgressLine.now
      var progress: [RewardKind: ProgressLine] = [:]
      let fitting: Fitting = { reward, step, steps in
        progress[reward, default: ProgressLine("fitting \(reward)", total: steps)].update(step)
        let exitCode = Interruption.exitCode
        if step == steps || exitCode != nil { progress[reward]?.finish() }
        if let exitCode { throw Interrupted(exitCode: exitCode, folder: output.path, step: nil) }
      }
      learner = switch configuration.method {
      case .ditto, .dgail: try DreamLearner(loaded.model, imitation, expert: expert, windows: starts, details.precision, seed: seed, fitting: fitting)
      case .dbc: try LatentCloner(loaded.model, configuration.cloning, imitation.policy, expert: starts, seed: seed)
      case .bc: preconditionFailure("'bc' has no world model")
      }
      fittingSeconds = progress.isEmpty ? 0 : ProgressLine.now - begun
      validation = try validated.map {
        AgentValidation(
          windows: try WindowSampler($0, horizon: imitation.horizon, batch: imitation.batch, seed: seed.stream("validation"), startShare: imitation.startShare),
          dreamer: Dreamer(loaded.model, details.precision), compared: imitation.reward.compared, seed: seed.stream("validation"))
      }
      steps = configuration.training.steps
    }

    func update(step: Int) throws -> Metrics { learner.update(step: step, progress: Double(step) / Double(steps)) }

    func validate() throws -> Metrics { validation?.metrics(of: learner.policy) ?? [:] }

    var state: [(name: String, tensor: Tensor)] { learner.state }

    func restore(from file: Safetensors) throws { try learner.restore(from: file) }
  }
}

/// How a policy does on expert episodes that it was not trained on, without any environment.
struct AgentValidation {
  let windows: WindowSampler
  let dreamer: Dreamer
  let compared: ComparedState
  let seed: Seed

  /// What the policy's dreams from held-out starts earn by eq 8, beside what the expert's own, uniformly random and constant actions
  /// earn there: where those earn the same, the model ignores actions, and nothing can be learned in it. And how often the policy most
  /// of all wants what the expert did.
  func metrics(of policy: @escaping (Tensor) -> any Distribution) -> Metrics {
    noGrad {
      let expert = windows.windows(step: 0)
      let (start, shape, space) = (expert.states[0], Array(expert.actions.shape.prefix(2)), dreamer.actions)
      let random = RandomSource(seed, on: dreamer.device)
      let earned = { (dream: Dream) in
        latentReward(expert: compared.reached(expert.states), learner: compared.reached(dream.states)).mean()
      }
      let following = { (actions: Tensor) in earned(dreamer.dream(from: start, following: actions, using: random)) }
      let anything = space.uniform(shape, using: random)
      let constant = space.constants(shape, on: dreamer.device).map { following($0.actions) }
      let wanted = policy(expert.states.features.dropLast()).drawn(.mode)
      let certain = earned(dreamer.dream(from: start, steps: shape[0], choosing: .best, using: random, policy: policy))
      return [
        "validation/reward": earned(dreamer.dream(from: start, steps: shape[0], using: random, policy: policy)),
        "validation/best_action_reward": certain,
        "validation/expert_reward": following(expert.actions), "validation/random_reward": following(anything),
        "validation/best_constant_reward": stacked(constant).max(over: 0),
        "validation/agreement": space.likeness(wanted, expert.actions).mean(),
      ]
    }
  }
}
