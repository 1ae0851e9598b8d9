import Demonstrations
import Spaces
import Torch

/// Learns a world model from recorded sequences. Source: DITTO, Algorithm 1, lines 2–7.
public final class WorldModelLearner: Learner {
  public let model: WorldModel
  private let optimizer: Adam
  private let loss: LossConfiguration
  private let precision: Precision
  /// The state after the last batch, where sequences continue from batch to batch.
  private var carried: LatentState?

  public init(
    _ model: WorldModel, _ loss: LossConfiguration, _ optimizer: OptimizerConfiguration, _ precision: Precision
  ) {
    self.model = model
    self.loss = loss
    self.precision = precision
    self.optimizer = Adam(model.namedParameters, optimizer)
  }

  /// One gradient step down the objective of eq 10. Lines 4–6.
  /// - Parameter progress: the share of the training that is done, from 0 to 1.
  public func update(on batch: SequenceBatch, progress: Double = 0, using random: RandomSource) -> Metrics {
    let (losses, last) = computing(in: precision, on: model.device) {
      let inference = model.infer(batch, from: batch.startsEpoch ? nil : carried, draw: .sample(random))
      return (model.loss(inference, loss), inference.states[batch.length - 1])
    }
    let norm = optimizer.step(minimizing: losses.total.mean(), progress: progress)
    carried = batch.continues ? last.detached() : nil
    return losses.means("loss").merging(["loss/total": losses.total.mean(), "loss/gradient_norm": norm]) { $1 }
  }

  public var weights: NamedTensors { model.weights }
  public var memory: NamedTensors {
    let carried: NamedTensors =
      self.carried.map { [("deterministic", $0.deterministic), ("stochastic", $0.stochastic)] } ?? []
    return optimizer.state.under("optimizer.") + carried.under("carried.")
  }

  public func restore(from file: Safetensors) throws {
    // What sequences go on from is there only where they do.
    carried = nil
    try file.restore(state)
    guard file.contains("carried.deterministic") else { return }
    let tensor = { (name: String) in try file.tensor("carried." + name, on: self.model.device) }
    carried = LatentState(deterministic: try tensor("deterministic"), stochastic: try tensor("stochastic"))
  }
}

extension WorldModelLoss {
  /// The means of its terms, by name; nats for the divergence.
  public func means(_ group: String) -> Metrics {
    var means = ["\(group)/kl_nats": divergence.mean()]
    means["\(group)/image"] = image?.mean()
    means["\(group)/vector"] = vector?.mean()
    means["\(group)/classes"] = classes?.mean()
    return means
  }
}

extension LatentState {
  /// Steps `range` of a sequence `[T, B, …]`.
  public func sliced(_ range: Range<Int>) -> LatentState {
    LatentState(deterministic: deterministic.sliced(range), stochastic: stochastic.sliced(range))
  }
  /// Of a sequence `[T, B, …]`, columns `range` of the batch.
  public func columns(_ range: Range<Int>) -> LatentState {
    LatentState(deterministic: deterministic.sliced(range, axis: 1), stochastic: stochastic.sliced(range, axis: 1))
  }
  /// One after the other along `axis`.
  public static func joined(_ a: LatentState, _ b: LatentState, axis: Int) -> LatentState {
    LatentState(
      deterministic: concatenated([a.deterministic, b.deterministic], axis: axis),
      stochastic: concatenated([a.stochastic, b.stochastic], axis: axis))
  }
  /// Step `index` of a sequence.
  public subscript(_ index: Int) -> LatentState {
    LatentState(deterministic: deterministic[index], stochastic: stochastic[index])
  }
}
