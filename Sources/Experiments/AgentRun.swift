import Configuration
import Demonstrations
import Foundation
import Imitation
import Torch
import WorldModel

/// Learns a policy from expert episodes inside a world model, into a run's folder.
///
/// The folder holds the world model's weights too: an agent acts without anything else.
public enum AgentRun {
  /// - Parameters:
  ///   - worldModel: the run of a finished world model.
  ///   - data: a dataset of expert episodes in the environment the world model knows.
  ///   - useEpisodes: learn from the first so many; nil for all. Some later ones are then held out to validate on.
  /// - Throws: for bad data or an output in use, before anything is written; and as `TrainingLoop`.
  public static func start(
    at output: URL, worldModel: URL, data: URL, useEpisodes: Int?, _ configuration: AgentConfiguration, seed: UInt64, _ compute: Compute
  ) throws {
    let (trainer, loaded, details) = try prepare(output, worldModel, data, useEpisodes, configuration, seed, compute)
    let run = try RunFolder.create(
      at: output, configuration: loaded.configuration.yaml(.worldModel) + configuration.yaml(.agent),
      record: Record(kind: .agent, seed: seed, version: Build.version, started: Date(), details: details))
    try AtomicFile.write(Safetensors.encoded(loaded.weights), to: output.appending(path: LoadedAgent.worldModelFile))
    try train(trainer, configuration, run)
  }

  /// Measures what `start` would take; writes nothing but the encoded episodes, into the world model's run.
  public static func forecast(
    at output: URL, worldModel: URL, data: URL, useEpisodes: Int?, _ configuration: AgentConfiguration, seed: UInt64, _ compute: Compute
  ) throws -> Forecast {
    try prepare(output, worldModel, data, useEpisodes, configuration, seed, compute).0.forecast(steps: configuration.training.steps)
  }

  private static func prepare(
    _ output: URL, _ worldModel: URL, _ data: URL, _ useEpisodes: Int?, _ configuration: AgentConfiguration, _ seed: UInt64, _ compute: Compute
  ) throws -> (Trainer, LoadedWorldModel, RunDetails) {
    try RunFolder.checkAvailable(output)
    let loaded = try LoadedWorldModel(at: worldModel, on: compute.device)
    let dataset = try Dataset(at: data)
    let count = useEpisodes ?? dataset.episodes.count
    guard count <= dataset.episodes.count else {
      throw ExperimentError.tooFewEpisodes(dataset: dataset.name, wanted: count, found: dataset.episodes.count)
    }
    let details = RunDetails(
      device: compute.device, precision: compute.precision, threads: Libtorch.threads, data: [.init(path: data.standardizedFileURL.path, fingerprint: dataset.fingerprint)],
      frame: loaded.record.details.frame, actionCount: loaded.record.details.actionCount, useEpisodes: count,
      worldModel: .init(path: worldModel.standardizedFileURL.path, fingerprint: loaded.fingerprint))
    return (try Trainer(loaded, dataset, configuration, details, seed: Seed(seed)), loaded, details)
  }

  /// Goes on with a run from its newest good checkpoint.
  /// - Parameter threads: to compute with; nil for as many as it began with, without which its bits differ.
  /// - Throws: `RunError`; `ExperimentError.dataChanged` where the dataset or the world model is not what it was.
  public static func resume(at output: URL, threads: Int? = nil) throws {
    let run = try RunFolder.open(at: output)
    let record = try Record(from: output, kind: .agent)
    let configuration = try AgentConfiguration.load(.agent, from: [.resolved(in: run)])
    _ = try record.details.device.required()
    Libtorch.threads = threads ?? record.details.threads
    guard let source = record.details.worldModel else { throw RunError.notARun(output.path, reason: "it names no world model") }
    let own = output.appending(path: LoadedAgent.worldModelFile)
    let loaded: LoadedWorldModel
    if FileManager.default.fileExists(atPath: own.path) {
      loaded = try LoadedWorldModel(weights: own, record, source)
    } else {
      loaded = try LoadedWorldModel(at: URL(fileURLWithPath: source.path), on: record.details.device)
      guard loaded.fingerprint == source.fingerprint else { throw ExperimentError.dataChanged(source.path) }
      try AtomicFile.write(Safetensors.encoded(loaded.weights), to: own)
    }
    let trainer = try Trainer(loaded, record.details.openData()[0], configuration, record.details, seed: Seed(record.seed))
    try train(trainer, configuration, run)
  }

  private static func train(_ trainer: Trainer, _ configuration: AgentConfiguration, _ run: RunFolder) throws {
    let loop = TrainingLoop(
      trainer: trainer, run: run, configuration: configuration.training, label: "agent",
      shown: [("reward", "reward/mean"), ("entropy", "actor/entropy")])
    try loop()
  }

  /// Drives DITTO's updates with windows of expert latents.
  private final class Trainer: Experiments.Trainer {
    private let learner: Ditto
    private let windows: WindowSampler
    private let validation: AgentValidation?
    private let steps: Int
    private let seed: Seed

    init(_ loaded: LoadedWorldModel, _ dataset: Dataset, _ configuration: AgentConfiguration, _ details: RunDetails, seed: Seed) throws {
      guard dataset.actionCount == details.actionCount else {
        throw ExperimentError.wrongActions(what: dataset.name, found: dataset.actionCount, expected: details.actionCount)
      }
      guard try FrameShape(dataset) == details.frame else {
        throw ExperimentError.wrongFrames(
          environment: dataset.name, found: "\(dataset.observation)", expected: "\(details.frame.side)×\(details.frame.side)")
      }
      let imitation = configuration.imitation
      let sampler = { (episodes: Range<Int>, steps: Int, copies: Int, name: String) in
        let latents = try LatentCache(loaded).latents(of: dataset, episodes: episodes, on: details.device)
        return try WindowSampler(
          latents, horizon: steps, batch: imitation.batch, copies: copies, seed: seed.stream(name), startShare: imitation.startShare)
      }
      windows = try sampler(0..<details.useEpisodes, imitation.windowSteps, imitation.dreamsPerWindow, "windows")
      learner = Ditto(loaded.model, imitation, details.precision, seed: seed)
      let heldOut = details.useEpisodes..<min(details.useEpisodes + configuration.validationEpisodes, dataset.episodes.count)
      let longest = heldOut.map { dataset.episodes[$0].length }.max() ?? 0
      if longest > 0, longest < imitation.horizon { Console.warn("the episodes held out are shorter than the horizon; there is no validation") }
      validation = longest < imitation.horizon ? nil : AgentValidation(
        windows: try sampler(heldOut, imitation.horizon, 1, "validation"), seed: seed.stream("validation"))
      steps = configuration.training.steps
      self.seed = seed
    }

    func update(step: Int) throws -> Metrics {
      learner.update(
        on: windows.windows(step: step, choices: learner.configuration.windowChoices, hardness: learner.surprise), step: step, progress: Double(step) / Double(steps),
        using: RandomSource(seed.stream("dreams").step(step), on: learner.device))
    }

    func validate() throws -> Metrics { validation?.metrics(of: learner) ?? [:] }

    var state: [(name: String, tensor: Tensor)] {
      learner.networks.namedParameters.map { (LoadedAgent.networkPrefix + $0.name, $0.parameter) }
        + learner.actorOptimizer.state.map { ("optimizer.actor." + $0.name, $0.tensor) }
        + learner.criticOptimizer.state.map { ("optimizer.critic." + $0.name, $0.tensor) }
    }

    func restore(from file: Safetensors) throws {
      try learner.networks.load(from: file, prefix: LoadedAgent.networkPrefix)
      try learner.actorOptimizer.restore(from: file, prefix: "optimizer.actor.")
      try learner.criticOptimizer.restore(from: file, prefix: "optimizer.critic.")
    }
  }
}

/// How the policy does on expert episodes that it was not trained on, without any environment.
struct AgentValidation {
  let windows: WindowSampler
  let seed: Seed

  /// The latent reward of the policy's dreams from held-out starts, beside what the expert's own, uniformly random and constant actions
  /// earn there: where those earn the same, the model ignores actions, and nothing can be learned in it. And how often the policy most
  /// of all wants what the expert did.
  func metrics(of learner: Ditto) -> Metrics {
    noGrad {
      let expert = windows.windows(step: 0)
      let random = RandomSource(seed, on: learner.device)
      let earned = { (actions: Tensor) in learner.reward(expert, learner.dream(from: expert.states[0], following: actions, using: random)).mean() }
      let shape = expert.actions.shape
      let anything = (Tensor.uniform(shape, using: random) * Double(learner.actionCount)).to(.int64)
      let constant = (0..<learner.actionCount).map { earned(.full(shape, Double($0), .int64, on: learner.device)) }
      let wanted = learner.networks.policy(expert.states.features.dropLast()).drawn(.mode)
      return [
        "validation/reward": learner.reward(expert, learner.dream(from: expert.states[0], using: random)).mean(),
        "validation/expert_reward": earned(expert.actions), "validation/random_reward": earned(anything),
        "validation/best_constant_reward": stacked(constant).max(over: 0),
        "validation/agreement": wanted.isEqual(to: expert.actions).to(.float32).mean(),
      ]
    }
  }
}
