import Configuration
import Demonstrations
import Torch

/// Learns a world model from recorded sequences. Source: DITTO, Algorithm 1, lines 2–7.
public final class WorldModelTrainer {
  public let model: WorldModel
  public let pixels: PixelNormalizer
  public let optimizer: Adam
  private let loss: LossConfiguration
  private let precision: Precision
  /// The state after the last batch, where sequences continue from batch to batch.
  public var carried: LatentState?

  public init(_ model: WorldModel, _ pixels: PixelNormalizer, _ loss: LossConfiguration, _ optimizer: OptimizerConfiguration, _ precision: Precision) {
    self.model = model
    self.pixels = pixels
    self.loss = loss
    self.precision = precision
    self.optimizer = Adam(model.namedParameters, optimizer)
  }

  /// One gradient step down the objective of eq 10. Lines 4–6.
  /// - Parameter progress: the share of the training that is done, from 0 to 1.
  public func update(on batch: SequenceBatch, progress: Double = 0, using random: RandomSource) -> Metrics {
    let start = carried.flatMap { batch.startsEpoch ? nil : $0 } ?? .zero(model.sizes, batch: batch.batch, on: model.device)
    let (losses, last) = computing(in: precision, on: model.device) {
      let (inference, frames) = model.infer(batch, pixels, from: start, draw: .sample(random))
      return (model.loss(inference, frames: frames, loss), inference.states[batch.length - 1])
    }
    let norm = optimizer.step(minimizing: losses.total.mean(), progress: progress)
    carried = batch.continues ? last.detached() : nil
    return [
      "loss/total": losses.total.mean(), "loss/image": losses.image.mean(), "loss/kl_nats": losses.divergence.mean(),
      "loss/gradient_norm": norm,
    ]
  }
}

extension WorldModel {
  /// Infers the states along a batch of recordings; also returns its normalised frames `[T, B, C, Y, X]`.
  public func infer(_ batch: SequenceBatch, _ pixels: PixelNormalizer, from start: LatentState, draw: Draw) -> (RSSM.Inference, frames: Tensor) {
    let shape = [batch.length, batch.batch]
    let frames = pixels(batch.frames.withUnsafeBytes { Tensor(bytes: $0, shape + frame.dimensions, .uint8, on: device) })
    let previous = oneHot(previousActions: batch.previousActions).reshaped(shape + [actionCount])
    return (infer(frames: frames, previousAction: previous, isFirst: batch.isFirst, from: start, draw: draw), frames)
  }

  /// One-hot rows `[N, A]`; zeros for −1, which stands for no action.
  public func oneHot(previousActions: [Int32]) -> Tensor {
    var rows = [Float](repeating: 0, count: previousActions.count * actionCount)
    for (row, action) in previousActions.enumerated() where action >= 0 { rows[row * actionCount + Int(action)] = 1 }
    return Tensor(rows, [previousActions.count, actionCount], on: device)
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
