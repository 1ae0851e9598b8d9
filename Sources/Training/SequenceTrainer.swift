import Demonstrations
import Imitation
import Runs
import Settings
import Torch
import WorldModel

/// Learns from recorded sequences as they are.
protocol SequenceLearner: Learner {
  /// One gradient step.
  /// - Parameter progress: the share of the training that is done, from 0 to 1.
  func update(on batch: SequenceBatch, progress: Double, using random: RandomSource) -> Metrics
}
extension WorldModelLearner: SequenceLearner {}
extension BC: SequenceLearner {}

/// Drives a learner with sequences of recordings, which are read ahead.
final class SequenceTrainer: Trainer {
  private let sequenceLearner: any SequenceLearner
  private let sampler: SequenceSampler
  private var batches: Prefetcher<SequenceBatch>?
  private let steps: Int
  private let seed: Seed
  private let device: Device
  private let validated: () -> Metrics

  /// - Parameters:
  ///   - steps: of the whole training.
  ///   - seed: of what steps draw.
  ///   - validated: measures the learner on held-out data.
  init(
    _ learner: any SequenceLearner, _ sampler: SequenceSampler, steps: Int, draws seed: Seed, on device: Device,
    validated: @escaping () -> Metrics
  ) {
    (sequenceLearner, self.sampler, self.steps) = (learner, sampler, steps)
    (self.seed, self.device, self.validated) = (seed, device, validated)
  }

  var learner: any Learner { sequenceLearner }

  func update(step: Int) throws -> Metrics {
    let batches = try self.batches ?? Prefetcher(from: step) { [sampler] in try sampler.batch(step: $0) }
    self.batches = batches
    return sequenceLearner.update(
      on: try batches.next(unless: { Interruption.isRequested }), progress: Double(step) / Double(steps),
      using: RandomSource(seed.step(step), on: device))
  }

  func validate() throws -> Metrics { validated() }

  func checkData() throws { try sampler.checkUnchanged() }

  func batch(step: Int) throws -> NamedTensors { try sampler.batch(step: step).tensors(sampler.actions) }
}
