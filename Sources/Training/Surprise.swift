import Foundation
import Imitation
import Runs
import Torch
import WorldModel

extension Surprise {
  /// The share of recorded frames that surprised a world model no more than its bounds.
  private static let share = 0.95
  private static let (imageKey, divergenceKey) = ("validation/image_usual", "validation/kl_usual")

  /// What held-out recordings seldom exceed, as metrics.
  /// - Parameter context: steps at the beginning of sequences `[T, B]` that do not count, since a model has hardly seen
  ///   anything then.
  static func bounds(of losses: WorldModelLoss, from context: Int) -> Metrics {
    var bounds: Metrics = [divergenceKey: usual(losses.divergence, from: context)]
    bounds[imageKey] = losses.image.map { usual($0, from: context) }
    return bounds
  }

  private static func usual(_ loss: Tensor, from context: Int) -> Tensor {
    let later: [Double] = loss.sliced(context..<loss.shape[0]).to(.float32).values()
    return Tensor([Float(quantile(share, ofSorted: later.sorted()))], [1])[0]
  }

  /// The bounds that a world model's run logged last; nil where it has none, as runs of versions before 0.2.
  /// - Throws: `RunError.damagedRun` where its log is not as it was written.
  static func bounds(of run: URL) throws -> Surprise? {
    let lines: [[String: Double]]
    do { lines = try MetricsLog.wholeLines(of: run) } catch RunError.notARun { return nil }
    guard let line = lines.last(where: { $0[divergenceKey] != nil }) else { return nil }
    return Surprise(image: line[imageKey], divergence: line[divergenceKey]!)
  }
}
