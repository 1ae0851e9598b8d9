import Demonstrations
import Imitation
import Runs
import Settings
import Torch
import WorldModel

/// Drives cloning from pixels with successive expert frames.
final class PixelCloningTrainer: Trainer {
  static let policyPrefix = "networks.policy."
  /// Sequences that validation measures on.
  private static let validationBatch = 1024

  private let cloner: PixelCloner
  private let sampler: SequenceSampler
  private var batches: Prefetcher<SequenceBatch>?
  private let heldOut: SequenceBatch?
  private let steps: Int
  private let seed: Seed
  private(set) var hasWeights = false

  init(
    _ dataset: Dataset, _ world: WorldModelConfiguration, _ configuration: AgentConfiguration, _ details: RunMetadata,
    seed: Seed
  ) throws {
    try MemoryNeed.require(
      MemoryNeed.bytes(ofBatches: 2 * Double(configuration.cloning.batch), details.observation),
      for: "a batch of \(configuration.cloning.batch) pairs of frames, with those read ahead,", smaller: "cloning.batch"
    )
    let expert = try EpisodeSelection(dataset, episodes: Array(0..<details.useEpisodes))
    let frames = configuration.cloning.frames
    let policy = PixelPolicy(
      details.observation, frames: frames, depth: world.model.depth, actions: details.actions,
      configuration.imitation.policy,
      using: RandomSource(seed.stream("policy"), on: details.device))
    cloner = PixelCloner(
      policy, try Normalizer(over: [expert], world.pixels, on: details.device), configuration.cloning, details.precision
    )
    sampler = try SequenceSampler(
      [expert], batch: configuration.cloning.batch, length: frames + 1, sampling: .frames, seed: seed.stream("pairs"))
    let others = Array(
      details.useEpisodes..<min(details.useEpisodes + configuration.validationEpisodes, dataset.episodes.count))
    guard !others.isEmpty || configuration.selection != .offline else {
      throw ExperimentError.nothingHeldOut(dataset.name)
    }
    heldOut =
      others.isEmpty
      ? nil
      : try SequenceSampler(
        [EpisodeSelection(dataset, episodes: others)], batch: Self.validationBatch, length: frames + 1,
        sampling: .frames, seed: seed.stream("validation")
      ).batch(step: 0)
    steps = configuration.training.steps
    self.seed = seed
  }

  func update(step: Int) throws -> Metrics {
    let batches = try self.batches ?? Prefetcher(from: step) { [sampler] in try sampler.batch(step: $0) }
    self.batches = batches
    return cloner.update(
      on: try batches.next(unless: { Interruption.isRequested }), progress: Double(step) / Double(steps),
      using: RandomSource(seed.stream("dropout").step(step), on: cloner.policy.device))
  }

  func batch(step: Int) throws -> [(name: String, tensor: Tensor)] {
    try sampler.batch(step: step).tensors(sampler.actions)
  }

  func adopt(_ file: Safetensors) throws {
    try cloner.policy.load(from: file, prefix: Self.policyPrefix)
    try cloner.normalizer.load(from: file)
    hasWeights = true
  }

  func validate() throws -> Metrics {
    guard let heldOut else { return [:] }
    let (nats, agreement) = cloner.validate(on: heldOut)
    return ["validation/nll": nats, "validation/agreement": agreement, "validation/score": -nats]
  }

  var state: [(name: String, tensor: Tensor)] {
    cloner.policy.namedParameters.map { (Self.policyPrefix + $0.name, $0.parameter) }
      + cloner.normalizer.namedParameters.map { ($0.name, $0.parameter) }
      + cloner.optimizer.state.map { ("optimizer." + $0.name, $0.tensor) }
  }

  func restore(from file: Safetensors) throws {
    try cloner.policy.load(from: file, prefix: Self.policyPrefix)
    try cloner.normalizer.load(from: file)
    try cloner.optimizer.restore(from: file, prefix: "optimizer.")
  }
}
